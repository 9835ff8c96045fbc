//! QR codes in a terminal.

use qrcode::{Color, EcLevel, QrCode};

/// Modules of white around the code. The standard asks for four; two are enough for cameras of this century, and
/// leave room for a code of 37 modules, its heading, the seed and a question on a terminal of 24 lines.
const QUIET: usize = 2;

/// The text as a QR code of half blocks, dark on light whatever the terminal's colours are; none when it is too
/// long for one.
///
/// Black and white are set explicitly: scanners do not read inverted codes, and terminals are dark or light.
pub(crate) fn render(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text.as_bytes(), EcLevel::L).ok()?;
    let modules = code.width();
    let side = modules + 2 * QUIET;
    let dark = |x: usize, y: usize| {
        let module = |at: usize| at.checked_sub(QUIET).filter(|module| *module < modules);
        module(x).zip(module(y)).is_some_and(|at| code[at] == Color::Dark)
    };
    let style = anstyle::AnsiColor::Black.on(anstyle::AnsiColor::BrightWhite);
    let mut picture = String::new();
    for y in (0..side).step_by(2) {
        let line: String = (0..side)
            .map(|x| match (dark(x, y), dark(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            })
            .collect();
        picture.push_str(&format!("  {style}{line}{style:#}\n"));
    }
    Some(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn lines(text: &str) -> Vec<Vec<char>> {
        let plain = anstream::adapter::strip_str(&render(text).unwrap()).to_string();
        plain.lines().map(|line| line.chars().skip(2).collect()).collect()
    }

    #[test]
    fn the_picture_is_the_code_in_its_frame() {
        let text = format!("otpauth://totp/acme:alice?secret={SEED}");
        let code = QrCode::with_error_correction_level(text.as_bytes(), EcLevel::L).unwrap();
        let (lines, width) = (lines(&text), code.width());
        assert!(lines.iter().all(|line| line.len() == width + 2 * QUIET));
        for y in 0..width + 2 * QUIET {
            for x in 0..width + 2 * QUIET {
                let half = if y % 2 == 0 { "█▀" } else { "█▄" };
                let inside = (QUIET..width + QUIET).contains(&x) && (QUIET..width + QUIET).contains(&y);
                let expected = inside && code[(x - QUIET, y - QUIET)] == Color::Dark;
                assert_eq!(half.contains(lines[y / 2][x]), expected, "{x},{y}");
            }
        }
    }

    #[test]
    fn a_seed_of_aws_fits_a_small_terminal_with_its_heading_the_seed_and_a_question() {
        for label in ["acme:alice", "a-longer-company:maximiliane.muster"] {
            let lines = lines(&format!("otpauth://totp/{label}?secret={SEED}"));
            assert!(lines.len() + 3 <= 24, "{} lines for {label}", lines.len());
        }
        assert!(render(&"x".repeat(4_000)).is_none());
    }
}
