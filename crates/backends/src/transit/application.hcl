path "transit/keys/phi"              { capabilities = ["read"] }
path "transit/datakey/plaintext/phi" { capabilities = ["update"] }
path "transit/encrypt/phi"           { capabilities = ["update"] }
path "transit/decrypt/phi"           { capabilities = ["update"] }
path "transit/rewrap/phi"            { capabilities = ["update"] }
