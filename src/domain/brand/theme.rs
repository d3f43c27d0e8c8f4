//! The colours of a page that are made from a project's own: whatever that one is, every text is
//! read well, in light and dark.

use super::color::Color;

/// What the contrast of a text has to be at least (WCAG 2, level AA).
const TEXT: f64 = 4.5;
/// What the contrast of what is no text has to be at least.
const SHAPE: f64 = 3.0;

/// The colours of one scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    /// Buttons: the project's own colour, just as it is.
    pub button: Color,
    /// Buttons that are pointed at.
    pub button_hover: Color,
    /// The text on buttons.
    pub on_button: Color,
    /// The edge of buttons, where they would hardly be seen without one.
    pub button_edge: Option<Color>,
    /// Links and marks: the own colour, as much darker or lighter as reading needs.
    pub text: Color,
    /// Links that are pointed at.
    pub text_hover: Color,
    /// What lies behind what is chosen.
    pub tint: Color,
}

/// The colours of both schemes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// On light pages.
    pub light: Palette,
    /// On dark pages.
    pub dark: Palette,
}

/// What a scheme's texts stand on, beside the tint.
struct Scheme {
    card: Color,
    others: [Color; 2],
    /// Where a colour goes to be read better.
    pole: Color,
    /// How much of the colour is in the tint, in percent.
    tint: u8,
}

/// The card, the page behind it and the box of what went wrong, on light pages.
const LIGHT: Scheme = Scheme {
    card: Color::WHITE,
    others: [Color::new(0xf3, 0xf4, 0xf7), Color::new(0xfd, 0xf1, 0xf0)],
    pole: Color::BLACK,
    tint: 8,
};
/// The same on dark pages.
const DARK: Scheme = Scheme {
    card: Color::new(0x17, 0x1a, 0x20),
    others: [Color::new(0x0e, 0x10, 0x14), Color::new(0x32, 0x1a, 0x19)],
    pole: Color::WHITE,
    tint: 14,
};

impl Theme {
    /// The colours that a project's own makes.
    #[must_use]
    pub fn of(accent: Color) -> Self {
        Self { light: LIGHT.palette(accent), dark: DARK.palette(accent) }
    }

    /// The colours of pages that the theme is made for: cards, pages and boxes of what went wrong,
    /// on light and on dark pages.
    #[must_use]
    pub const fn surfaces() -> [[Color; 3]; 2] {
        [
            [LIGHT.card, LIGHT.others[0], LIGHT.others[1]],
            [DARK.card, DARK.others[0], DARK.others[1]],
        ]
    }
}

impl Scheme {
    fn palette(&self, accent: Color) -> Palette {
        let on_button = text_on(accent);
        // Away from the text, so that it is read better still.
        let away = if on_button == Color::WHITE { Color::BLACK } else { Color::WHITE };
        let text = self.readable(accent);
        Palette {
            button: accent,
            button_hover: accent.mixed(away, 18),
            on_button,
            button_edge: (accent.contrast(self.card) < SHAPE).then_some(text),
            text,
            text_hover: text.mixed(self.pole, 25),
            tint: self.tint_of(text),
        }
    }

    fn tint_of(&self, text: Color) -> Color {
        self.card.mixed(text, self.tint)
    }

    /// The nearest colour that is read on everything.
    fn readable(&self, accent: Color) -> Color {
        let steps = (0..=100).step_by(4).map(|percent| accent.mixed(self.pole, percent));
        let is_read = |text: &Color| {
            let all = [self.card, self.others[0], self.others[1], self.tint_of(*text)];
            all.into_iter().all(|behind| text.contrast(behind) >= TEXT)
        };
        steps.into_iter().find(is_read).unwrap_or(self.pole)
    }
}

/// White, or else the first dark colour that is read. One of white and black always is.
fn text_on(behind: Color) -> Color {
    let soft = Color::new(0x10, 0x13, 0x1a);
    let found = [Color::WHITE, soft].into_iter().find(|text| text.contrast(behind) >= TEXT);
    found.unwrap_or(Color::BLACK)
}

#[cfg(test)]
mod tests {
    use super::{Color, DARK, LIGHT, SHAPE, TEXT, Theme};

    /// Colours all over the cube, with its corners.
    fn colors() -> impl Iterator<Item = Color> {
        let steps = || (0..=255_u8).step_by(17);
        steps().flat_map(move |red| {
            steps().flat_map(move |green| steps().map(move |blue| Color::new(red, green, blue)))
        })
    }

    #[test]
    fn whatever_the_colour_every_text_is_read() {
        // The page's own texts, which stand on the tint as well.
        let own = [
            (&LIGHT, [Color::new(0x19, 0x1d, 0x26), Color::new(0x56, 0x60, 0x72)]),
            (&DARK, [Color::new(0xee, 0xf1, 0xf6), Color::new(0xa7, 0xb0, 0xbf)]),
        ];
        for accent in colors() {
            let theme = Theme::of(accent);
            for ((scheme, texts), palette) in own.iter().zip([theme.light, theme.dark]) {
                assert_eq!(palette.button, accent);
                let behind = [scheme.card, scheme.others[0], scheme.others[1], palette.tint];
                for behind in behind {
                    for text in [palette.text, palette.text_hover] {
                        assert!(text.contrast(behind) >= TEXT, "{accent}: {text} on {behind}");
                    }
                }
                for text in texts {
                    assert!(text.contrast(palette.tint) >= TEXT, "{accent}: {text} on the tint");
                }
                for button in [palette.button, palette.button_hover] {
                    let text = palette.on_button;
                    assert!(text.contrast(button) >= TEXT, "{accent}: {text} on {button}");
                }
                // A button is seen, by its colour or by its edge.
                let seen = palette.button_edge.unwrap_or(palette.button);
                assert!(seen.contrast(scheme.card) >= SHAPE, "{accent}: {seen}");
            }
        }
    }

    #[test]
    fn a_colour_that_is_read_stays_as_it_is() {
        let blue: Color = "#1d4ed8".parse().unwrap();
        let theme = Theme::of(blue);
        assert_eq!((theme.light.text, theme.light.on_button), (blue, Color::WHITE));
        assert_eq!(theme.light.button_edge, None);
        assert_ne!(theme.dark.text, blue);
        let yellow: Color = "#ffd400".parse().unwrap();
        let theme = Theme::of(yellow);
        assert_eq!(theme.dark.text, yellow);
        assert_ne!(theme.light.on_button, Color::WHITE);
        assert_eq!(theme.light.button_edge, Some(theme.light.text));
    }
}
