//! Certificates to try things with.

use super::super::*;
use crate::{Census, Class, ColumnCensus, Holds};
use phiseal_audit::note::{KeyName, VerifierKey};
use phiseal_audit::{Checkpoint, LocalSigner};
use phiseal_format::{KekId, SubjectTag};
use phiseal_keys::{KeyState, Secret};
use phiseal_primitives::{Engine, default_engine};

pub(super) fn engine() -> &'static dyn Engine {
    default_engine()
}

/// A custodian's key, the same for the same seed.
pub(super) fn signer(seed: u8) -> LocalSigner {
    let filled = Secret::filled(|out| {
        out.fill(seed);
        Ok::<_, phiseal_keys::Error>(())
    });
    LocalSigner::new(filled.unwrap())
}

pub(super) fn key(name: &str, seed: u8) -> VerifierKey {
    VerifierKey::of(KeyName::new(name).unwrap(), &signer(seed), engine()).unwrap()
}

pub(super) fn custodian(name: &str, seed: u8) -> Signatory {
    let key_name = format!("clinic.example/{}", name.split(' ').next().unwrap().to_lowercase());
    Signatory::new(name, &key(&key_name, seed))
}

pub(super) const DOMAIN: &str = "clinic/patients";
pub(super) const BEGAN: u64 = 1_772_357_400;

fn digest(byte: u8) -> Digest {
    Digest::from_bytes([byte; 32])
}

fn wrap(version: u32) -> Wrap {
    Wrap { kek: KekId::try_from("local:00112233445566778899aabbccddeeff").unwrap(), version }
}

pub(super) fn version(number: u32, before: Option<KeyState>, after: KeyState) -> Version {
    let at = BEGAN + 5 - u64::from(3_u32.saturating_sub(number)) * 31_536_000;
    Version {
        number,
        state_before: before,
        state_after: after,
        key_id: digest(u8::try_from(number).unwrap()),
        created: at,
        activated: Some(at),
        replaced: (after != KeyState::Active).then_some(BEGAN + 5),
        wraps_before: before.map(|_| vec![wrap(1)]).unwrap_or_default(),
        wraps_after: if after == KeyState::Destroyed { Vec::new() } else { vec![wrap(1)] },
    }
}

/// A census of the table `patients`, each of whose columns holds these values.
pub(super) fn counted(at: u64, primary: u32, columns: &[(&str, &[(Class, u64)])]) -> Counted {
    let columns = columns.iter().map(|(column, counts)| ColumnCensus {
        column: (*column).to_owned(),
        domain: DOMAIN.to_owned(),
        domain_id: DomainId::from_bytes([0xd1; 16]),
        revision: 3,
        primary,
        holds: Holds::Sealed,
        counts: counts.iter().copied().collect(),
    });
    let columns = columns.collect();
    let census =
        Census { table: "patients".to_owned(), rows: 12_345, began: at, ended: at + 60, columns };
    Counted::new(census, engine())
}

/// The same rotation, of a table with an index of the notes and a column of tokens.
pub(super) fn indexed() -> Certificate {
    let with_more = |at: u64, primary: u32, entries: &[(Class, u64)], tokens: &[(Class, u64)]| {
        let columns =
            [("ssn", &[(Class::Current, 12_345)][..]), ("by_ssn", entries), ("mrn", tokens)];
        let mut census = counted(at, primary, &columns).census().clone();
        census.columns[1].holds = Holds::Entries;
        census.columns[2].holds = Holds::Tokens;
        Counted::new(census, engine())
    };
    let mut certificate = rotation();
    let current = [(Class::Current, 12_345)];
    let before = [(Class::Current, 12_000), (Class::Unindexed, 345)];
    certificate.counts.before = vec![with_more(BEGAN, 2, &before, &current)];
    certificate.counts.after = vec![with_more(BEGAN + 500, 3, &current, &current)];
    certificate.counts.resealed[0].values = 3 * 12_345;
    certificate.counts.resealed[0].entries = 2 * 12_345;
    certificate
}

/// A rotation that is finished, after two of three custodians approved what a third asked for.
pub(super) fn rotation() -> Certificate {
    let before: [(&str, &[(Class, u64)]); 2] = [
        ("ssn", &[(Class::Nothing, 45), (Class::Current, 12_200), (Class::Older(1), 100)]),
        ("note", &[(Class::Current, 12_000), (Class::Person, 345)]),
    ];
    let after: [(&str, &[(Class, u64)]); 2] = [
        ("ssn", &[(Class::Nothing, 45), (Class::Current, 12_300)]),
        ("note", &[(Class::Current, 12_000), (Class::Person, 345)]),
    ];
    Certificate {
        operation: Operation::Rotate { compromised: false },
        environment: EnvironmentId::from_bytes([0xe1; 16]),
        domain: DOMAIN.to_owned(),
        domain_id: DomainId::from_bytes([0xd1; 16]),
        times: Times {
            requested: BEGAN - 86_400,
            approved: Some(BEGAN - 3_600),
            began: BEGAN,
            ended: BEGAN + 600,
        },
        keys: Keys {
            primary_before: 2,
            primary_after: 3,
            versions: vec![
                version(2, Some(KeyState::Active), KeyState::Deactivated),
                version(3, None, KeyState::Active),
            ],
        },
        approval: Approval {
            requester: custodian("Alice Meyer", 1),
            approvers: vec![custodian("Bob Okafor", 2), custodian("Chen Li", 3)],
            request: digest(0xb0),
            roster: Some(RosterHead {
                number: 7,
                sha256: digest(0xa0),
                threshold: 2,
                custodians: 3,
            }),
            single_custodian: false,
        },
        counts: Counts {
            before: vec![counted(BEGAN, 2, &before)],
            resealed: vec![TableResealed {
                entries: 0,
                table: Some("patients".to_owned()),
                rows: 12_345,
                written: 12_300,
                values: 24_300,
                overtaken: 4,
            }],
            after: vec![counted(BEGAN + 500, 3, &after)],
        },
        erasure: Erasure::None {},
        tool: Tool {
            phiseal: "0.1.0".to_owned(),
            module: "AWS-LC".to_owned(),
            module_version: "1.73.0".to_owned(),
            fips: Fips::None {},
        },
        log: Some(LogHead::new(&Checkpoint {
            origin: KeyName::new("clinic.example/audit").unwrap(),
            size: 4_711,
            root: [0xc0; 32],
        })),
    }
}

/// The destruction of a version, whose backups are still kept.
pub(super) fn destruction() -> Certificate {
    let clean: [(&str, &[(Class, u64)]); 1] = [("ssn", &[(Class::Current, 12_345)])];
    let mut certificate = rotation();
    certificate.operation = Operation::Destroy { version: 2 };
    certificate.keys.primary_before = 3;
    certificate.keys.versions = vec![version(2, Some(KeyState::Deactivated), KeyState::Destroyed)];
    certificate.counts = Counts { before: vec![counted(BEGAN, 3, &clean)], ..Counts::default() };
    certificate.erasure =
        Erasure::Pending { reasons: vec![Reason::WriteAheadLog, Reason::Backups] };
    certificate
}

/// A rotation after a compromise that stopped half-way, by somebody who acted alone, over names that would be markup.
pub(super) fn unfinished() -> Certificate {
    let after: [(&str, &[(Class, u64)]); 2] = [
        (
            "ssn\"><img src=x onerror=alert(1)>",
            &[
                (Class::Current, 12_000),
                (Class::Older(2), 300),
                (Class::Plaintext, 2),
                (Class::Damaged, 43),
            ],
        ),
        ("note", &[(Class::Current, 12_000), (Class::Closed(1), 345)]),
    ];
    let mut certificate = rotation();
    certificate.operation = Operation::Rotate { compromised: true };
    certificate.domain = "<script>alert('1')</script>&amp;".to_owned();
    certificate.keys.versions[0].state_after = KeyState::Compromised;
    certificate.counts.after = vec![counted(BEGAN + 500, 3, &after)];
    certificate.approval.single_custodian = true;
    certificate.approval.approvers.clear();
    certificate.approval.requester = custodian("Mallory </td><b>O'Neil", 4);
    certificate.approval.roster = None;
    certificate.times.approved = None;
    certificate.log = None;
    certificate
}

/// A person's key that is gone for good.
pub(super) fn shredding() -> Certificate {
    let mut certificate = rotation();
    certificate.operation = Operation::Shred {
        person: SubjectTag::from_bytes([0x5a; 16]),
        keys: vec![digest(0x77), digest(0x78)],
        shredded: true,
    };
    certificate.keys.primary_before = 3;
    certificate.keys.versions = vec![version(3, Some(KeyState::Active), KeyState::Active)];
    certificate.counts = Counts::default();
    certificate.erasure = Erasure::Final { grounds: vec![Ground::BackupsExpired] };
    certificate
}

pub(super) fn json(certificate: &Certificate) -> String {
    String::from_utf8(certificate.to_json(engine()).unwrap()).unwrap()
}
