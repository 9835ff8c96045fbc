//! QR codes in a terminal.

use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2};

/// The text as a QR code of half blocks, dark on light whatever the terminal's colours are; none when it is too
/// long for one.
///
/// Black and white are set explicitly: scanners do not read inverted codes, and terminals are dark or light.
pub(crate) fn render(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text.as_bytes(), EcLevel::L).ok()?;
    let picture = code.render::<Dense1x2>().quiet_zone(true).build();
    let style = anstyle::AnsiColor::Black.on(anstyle::AnsiColor::BrightWhite);
    Some(picture.lines().map(|line| format!("  {style}{line}{style:#}\n")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_square_and_bounded() {
        let picture = render("otpauth://totp/alice@111111111111?secret=GEZDGNBVGY3TQOJQ").unwrap();
        let plain = anstream::adapter::strip_str(&picture).to_string();
        let widths: Vec<usize> = plain.lines().map(|line| line.chars().count()).collect();
        assert!(widths.iter().all(|w| Some(w) == widths.first()));
        assert!(widths.len() * 2 + 2 >= widths[0] - 2, "half blocks make two rows a line");
        assert!(render(&"x".repeat(4_000)).is_none());
    }
}
