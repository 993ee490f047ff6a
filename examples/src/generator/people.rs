//! What people are called.

/// A name as it is written by those who bear it, and in ASCII letters.
#[derive(Clone, Copy)]
pub(super) struct Spelling {
    pub(super) own: &'static str,
    pub(super) latin: &'static str,
}

/// Names that go together.
pub(super) struct Culture {
    pub(super) order: Order,
    pub(super) family: &'static [Spelling],
    pub(super) female: &'static [Spelling],
    pub(super) male: &'static [Spelling],
}

/// How a full name is put together.
pub(super) enum Order {
    /// Given names, then the family's.
    GivenFirst,
    /// A given name, then the father's and the mother's first family name.
    TwoFamilies,
    /// The family's name, then the given one, with this between them.
    FamilyFirst { between: &'static str },
}

const fn plain(name: &'static str) -> Spelling {
    Spelling { own: name, latin: name }
}

const fn spelt(own: &'static str, latin: &'static str) -> Spelling {
    Spelling { own, latin }
}

pub(super) const CULTURES: &[Culture] = &[
    Culture {
        order: Order::GivenFirst,
        family: &[
            plain("Doe"),
            plain("Walker"),
            plain("Washington"),
            plain("O'Brien"),
            plain("Smith-Jones"),
            plain("Carter"),
            plain("Begay"),
            plain("McAllister"),
            plain("Li"),
        ],
        female: &[
            plain("Jane"),
            plain("Mary Ann"),
            plain("Keisha"),
            plain("Emily"),
            spelt("Zoë", "Zoe"),
        ],
        male: &[plain("John"), plain("Tyrone"), plain("Michael"), plain("Quentin"), plain("Ty")],
    },
    Culture {
        order: Order::TwoFamilies,
        family: &[
            spelt("García", "Garcia"),
            spelt("Muñoz", "Munoz"),
            spelt("Núñez", "Nunez"),
            plain("Ortega"),
            spelt("López", "Lopez"),
        ],
        female: &[spelt("María José", "Maria Jose"), spelt("Lucía", "Lucia"), plain("Carmen")],
        male: &[spelt("José", "Jose"), spelt("Ángel", "Angel"), plain("Luis")],
    },
    Culture {
        order: Order::FamilyFirst { between: " " },
        family: &[
            spelt("Nguyễn", "Nguyen"),
            spelt("Trần", "Tran"),
            spelt("Phạm", "Pham"),
            spelt("Đặng", "Dang"),
        ],
        female: &[spelt("Thị Hương", "Thi Huong"), spelt("Thu Thủy", "Thu Thuy")],
        male: &[spelt("Văn An", "Van An"), spelt("Quốc Bảo", "Quoc Bao")],
    },
    Culture {
        order: Order::FamilyFirst { between: "" },
        family: &[
            spelt("王", "Wang"),
            spelt("李", "Li"),
            spelt("欧阳", "Ouyang"),
            spelt("𠮷田", "Yoshida"),
        ],
        female: &[spelt("秀英", "Xiuying"), spelt("丽", "Li")],
        male: &[spelt("小明", "Xiaoming"), spelt("伟", "Wei")],
    },
    Culture {
        order: Order::FamilyFirst { between: "" },
        family: &[spelt("김", "Kim"), spelt("박", "Park"), spelt("남궁", "Namgung")],
        female: &[spelt("서연", "Seoyeon"), spelt("지은", "Jieun")],
        male: &[spelt("민준", "Minjun"), spelt("도윤", "Doyun")],
    },
    Culture {
        order: Order::GivenFirst,
        family: &[
            spelt("Müller", "Mueller"),
            plain("van der Berg"),
            spelt("Weiß", "Weiss"),
            spelt("Åkesson", "Akesson"),
        ],
        female: &[spelt("Käthe", "Kaethe"), spelt("Zoë", "Zoe"), plain("Annika")],
        male: &[spelt("Jürgen", "Juergen"), spelt("Søren", "Soren"), plain("Willem")],
    },
    Culture {
        order: Order::GivenFirst,
        family: &[
            spelt("Łukasiewicz", "Lukasiewicz"),
            spelt("Dvořák", "Dvorak"),
            spelt("Žižek", "Zizek"),
        ],
        female: &[spelt("Małgorzata", "Malgorzata"), spelt("Agnieszka", "Agnieszka")],
        male: &[spelt("Stanisław", "Stanislaw"), spelt("Jiří", "Jiri")],
    },
    Culture {
        order: Order::GivenFirst,
        family: &[spelt("العلي", "Alali"), spelt("حداد", "Haddad")],
        female: &[spelt("فاطمة", "Fatima"), spelt("ليلى", "Layla")],
        male: &[spelt("محمد", "Mohammed"), spelt("يوسف", "Yusuf")],
    },
    Culture {
        order: Order::GivenFirst,
        family: &[spelt("शर्मा", "Sharma"), spelt("गुप्ता", "Gupta")],
        female: &[spelt("प्रिया", "Priya"), spelt("आशा", "Asha")],
        male: &[spelt("अर्जुन", "Arjun"), spelt("रवि", "Ravi")],
    },
    Culture {
        order: Order::GivenFirst,
        family: &[plain("Kealoha"), spelt("Kaʻanāʻanā", "Kaanaana"), spelt("Māhoe", "Mahoe")],
        female: &[plain("Leilani"), spelt("Kauʻi", "Kaui")],
        male: &[plain("Keoni"), spelt("Kāne", "Kane")],
    },
];
