//! The text form: what is written, and a table of what is refused.

use phiseal_format::{ErrorKind, text};

#[test]
fn published_base64_values_are_written_and_read() {
    // RFC 4648, section 10, without padding; then the two symbols in which base64url differs.
    let table: [(&[u8], &str); 9] = [
        (b"", ""),
        (b"f", "Zg"),
        (b"fo", "Zm8"),
        (b"foo", "Zm9v"),
        (b"foob", "Zm9vYg"),
        (b"fooba", "Zm9vYmE"),
        (b"foobar", "Zm9vYmFy"),
        (&[0xfb, 0xef, 0xbe], "----"),
        (&[0xff, 0xff, 0xff], "____"),
    ];
    for (bytes, symbols) in table {
        let written = format!("phi1.{symbols}");
        assert_eq!(text::encode(bytes), written);
        assert_eq!(text::encoded_len(bytes.len()), written.len());
        assert_eq!(text::decoded_len(&written), Ok(bytes.len()));
        assert_eq!(text::decode(&written).as_deref(), Ok(bytes));
    }
}

#[test]
fn what_is_not_the_one_text_of_a_value_is_refused() {
    let table = [
        ("no text", ""),
        ("no prefix", "Zm9v"),
        ("prefix without its point", "phi1Zm9v"),
        ("prefix cut", "hi1.Zm9v"),
        ("prefix in upper case", "PHI1.Zm9v"),
        ("another version", "phi2.Zm9v"),
        ("another separator", "phi1:Zm9v"),
        ("prefix twice", "phi1.phi1.Zm9v"),
        ("byte order mark", "\u{feff}phi1.Zm9v"),
        ("space before", " phi1.Zm9v"),
        ("space after", "phi1.Zm9v "),
        ("space inside", "phi1.Zm 9v"),
        ("space after the prefix", "phi1. Zm9v"),
        ("line feed after", "phi1.Zm9v\n"),
        ("line feed inside", "phi1.Zm9v\nYmFy"),
        ("carriage return and line feed", "phi1.Zm9v\r\n"),
        ("tab after", "phi1.Zm9v\t"),
        ("null after", "phi1.Zm9v\0"),
        ("one padding sign", "phi1.Zm8="),
        ("two padding signs", "phi1.Zg=="),
        ("four padding signs", "phi1.===="),
        ("plus", "phi1.+m9v"),
        ("slash", "phi1./m9v"),
        ("plus at the end", "phi1.Zm9vZ+"),
        ("comma", "phi1.Zm9,"),
        ("at sign", "phi1.@m9v"),
        ("bracket after Z", "phi1.[m9v"),
        ("backtick before a", "phi1.`m9v"),
        ("brace after z", "phi1.{m9v"),
        ("colon after 9", "phi1.:m9v"),
        ("one symbol", "phi1.Z"),
        ("five symbols", "phi1.Zm9vZ"),
        ("unused bit 1 of two symbols", "phi1.Zh"),
        ("unused bit 2 of two symbols", "phi1.Zi"),
        ("unused bit 3 of two symbols", "phi1.Zk"),
        ("unused bit 4 of two symbols", "phi1.Zo"),
        ("unused bit 1 of three symbols", "phi1.Zm9"),
        ("unused bit 2 of three symbols", "phi1.Zm-"),
        ("letter of two bytes", "phi1.Zm\u{f6}v"),
        ("letter of three bytes", "phi1.\u{ff21}"),
        ("full-width digit in the prefix", "phi\u{ff11}.Zm9v"),
    ];
    for (name, text) in table {
        let refused = text::decode(text);
        assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::Text), "{name}");
    }
    assert_eq!(table.len(), 41);
}

#[test]
fn every_symbol_that_is_none_is_refused_at_every_place() {
    let (mut accepted, mut refused) = (0, 0);
    for place in 0..4 {
        for symbol in 0..=127_u8 {
            let mut symbols = *b"AAAA";
            symbols[place] = symbol;
            match text::decode(&format!("phi1.{}", str::from_utf8(&symbols).unwrap())) {
                Ok(bytes) => {
                    assert_eq!(bytes.len(), 3);
                    accepted += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert_eq!((accepted, refused), (4 * 64, 4 * 64));
}

#[test]
fn every_length_up_to_200_returns_as_it_was() {
    for length in 0..=200_u8 {
        let bytes: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(151)).collect();
        let written = text::encode(&bytes);
        assert_eq!(written.len(), text::encoded_len(bytes.len()));
        let mut out = [0xaa; 256];
        assert_eq!(text::decode_into(&written, &mut out), Ok(bytes.len()));
        assert_eq!(out[..bytes.len()], bytes);
        assert!(out[bytes.len()..].iter().all(|byte| *byte == 0xaa));
    }
}
