//! Luhn's formula (ISO/IEC 7812-1, annex B; US patent 2,950,048).

/// Whether the last digit is right.
pub(super) fn is_valid(digits: &[u16]) -> bool {
    !digits.is_empty() && sum(digits).is_multiple_of(10)
}

/// Gives the digit at this place the one value by which the whole is right.
pub(super) fn make_valid(digits: &mut [u16], place: usize) {
    let is_doubled = is_doubled(digits.len(), place);
    if let Some(digit) = digits.get_mut(place) {
        *digit = 0;
    }
    let missing = (10 - sum(digits) % 10) % 10;
    if let Some(digit) = digits.get_mut(place) {
        *digit = if is_doubled { DOUBLED_BACK[usize::from(missing)] } else { missing };
    }
}

/// The digit that counts so much when it is doubled: the inverse of `2 * digit`, less nine where that has two digits.
const DOUBLED_BACK: [u16; 10] = [0, 5, 1, 6, 2, 7, 3, 8, 4, 9];

fn sum(digits: &[u16]) -> u16 {
    let counted = digits.iter().enumerate().map(|(place, digit)| match 2 * digit {
        _ if !is_doubled(digits.len(), place) => *digit,
        doubled if doubled > 9 => doubled - 9,
        doubled => doubled,
    });
    // Modulo 10 all along: a long number does not overflow.
    counted.fold(0, |sum, digit| (sum + digit) % 10)
}

/// Every second digit is, counted from the last one, which is not.
const fn is_doubled(length: usize, place: usize) -> bool {
    (length - place).is_multiple_of(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u16> {
        text.bytes().map(|byte| u16::from(byte - b'0')).collect()
    }

    #[test]
    fn known_numbers_are_right() {
        // The example of the patent's text books, and card numbers that payment processors publish for tests.
        for right in
            ["79927398713", "4111111111111111", "378282246310005", "6011000990139424", "0", "18"]
        {
            assert!(is_valid(&digits(right)), "{right}");
            for place in 0..right.len() {
                let mut wrong = digits(right);
                wrong[place] = (wrong[place] + 1) % 10;
                assert!(!is_valid(&wrong), "{right}: {place}");
                make_valid(&mut wrong, place);
                assert_eq!(wrong, digits(right), "{place}");
            }
        }
        assert!(!is_valid(&[]));
    }

    #[test]
    fn at_each_place_one_digit_is_right() {
        for place in 0..16 {
            let mut number = digits("4000001234567890");
            let right = (0..10).filter(|digit| {
                number[place] = *digit;
                is_valid(&number)
            });
            let right: Vec<u16> = right.collect();
            assert_eq!(right.len(), 1);
            make_valid(&mut number, place);
            assert_eq!(number[place], right[0]);
        }
    }
}
