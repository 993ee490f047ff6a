path "transit/keys/phi"        { capabilities = ["read"] }
path "transit/keys/phi/rotate" { capabilities = ["update"] }
path "transit/keys/phi/trim"   { capabilities = ["update"] }
path "transit/keys/phi/config" {
  capabilities       = ["update"]
  allowed_parameters = { "min_encryption_version" = [], "min_decryption_version" = [] }
}
