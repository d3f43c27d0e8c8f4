//! Signs of connectors, drawn from their names.

/// A sign drawn from a name: nothing is fetched from a third party to show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    /// One or two letters.
    pub letters: String,
    /// Which of the [`Logo::COLORS`].
    pub color: usize,
}

impl Logo {
    /// Colours on which white letters are read well (a contrast of 4.5 at least).
    pub const COLORS: [&'static str; 8] =
        ["#3b5bdb", "#7048e8", "#9c36b5", "#c2255c", "#c92a2a", "#a6470b", "#2b7a3d", "#0b7285"];

    /// The sign of a connector; its key chooses the colour, so that it stays the same.
    #[must_use]
    pub fn of(key: &str, name: &str) -> Self {
        let hash = key.bytes().fold(0_usize, |sum, byte| (sum * 31 + usize::from(byte)) % 65_521);
        let mut words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let first = words.next().unwrap_or(key);
        let mut letters: String = first.chars().take(1).flat_map(char::to_uppercase).collect();
        let second = match words.next() {
            Some(word) => word.chars().next(),
            // `BambooHR` is known as BH.
            None => first.chars().skip(1).find(|c| c.is_uppercase()),
        };
        letters.extend(second.into_iter().flat_map(char::to_uppercase));
        Self { letters, color: hash % Self::COLORS.len() }
    }

    /// The sign as a picture.
    #[must_use]
    pub fn svg(&self) -> String {
        let color = Self::COLORS.get(self.color).copied().unwrap_or_default();
        // Letters and digits of any script: nothing that could end the text of a picture.
        let letters = &self.letters;
        format!(
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 40 40'>\
             <rect width='40' height='40' rx='9' fill='{color}'/><text x='20' y='26' fill='#fff' \
             font-family='sans-serif' font-size='17' text-anchor='middle'>{letters}</text></svg>"
        )
    }

    /// The sign as an address that holds the whole picture.
    #[must_use]
    pub fn data_url(&self) -> String {
        let drawn = self.svg();
        let bytes = drawn.bytes().map(|byte| match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b' '
            | b'\''
            | b'/'
            | b':'
            | b'.'
            | b'='
            | b'-'
            | b',' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        });
        format!("data:image/svg+xml,{}", bytes.collect::<String>())
    }
}
