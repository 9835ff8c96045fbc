//! The QR code of a virtual MFA device, as the PNG that AWS hands out.

use png::{BitDepth, ColorType, Encoder};
use qrcode::{Color, QrCode};

/// Pixels to each side of a module.
const SCALE: usize = 5;
/// Modules of white around the code (ISO/IEC 18004 asks for four).
const QUIET: usize = 4;

/// A PNG that shows this text as a QR code; none for texts too long for one.
pub(crate) fn png(text: &str) -> Option<Vec<u8>> {
    let code = QrCode::new(text).ok()?;
    let modules = code.width();
    let side = (modules + 2 * QUIET) * SCALE;
    let row_bytes = side.div_ceil(8);

    let mut pixels = Vec::with_capacity(row_bytes * side);
    for y in 0..side {
        let mut row = vec![0_u8; row_bytes];
        for x in 0..side {
            let module = |at: usize| (at / SCALE).checked_sub(QUIET).filter(|m| *m < modules);
            let dark = module(x).zip(module(y)).is_some_and(|at| code[at] == Color::Dark);
            if !dark && let Some(byte) = row.get_mut(x / 8) {
                *byte |= 0x80 >> (x % 8);
            }
        }
        pixels.extend(row);
    }

    let mut file = Vec::new();
    let side = u32::try_from(side).ok()?;
    let mut encoder = Encoder::new(&mut file, side, side);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::One);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&pixels).ok()?;
    writer.finish().ok()?;
    Some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_shows_the_code() {
        let text = "otpauth://totp/alice@111111111111?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        let file = png(text).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let code = QrCode::new(text).unwrap();
        assert_eq!(info.width as usize, (code.width() + 2 * QUIET) * SCALE);
        let white = |x: usize, y: usize| {
            let (x, y) = ((x + QUIET) * SCALE + 2, (y + QUIET) * SCALE + 2);
            pixels[y * info.line_size + x / 8] & (0x80 >> (x % 8)) != 0
        };
        for y in 0..code.width() {
            for x in 0..code.width() {
                assert_eq!(white(x, y), code[(x, y)] == Color::Light, "{x},{y}");
            }
        }
        assert!(png(&"x".repeat(10_000)).is_none());
    }
}
