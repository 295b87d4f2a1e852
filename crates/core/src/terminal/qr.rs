//! QR codes in text.

use qrcodegen::{QrCode, QrCodeEcc};

use crate::error::{Error, ErrorKind, Result, Stage};

/// Renders an address as a QR code, two rows of modules per line.
pub(super) fn qr(url: &str) -> Result<String> {
    let code = QrCode::encode_text(url, QrCodeEcc::Low)
        .map_err(|_| Error::new(ErrorKind::InvalidArgument, Stage::SignIn, "the address is too long for a QR code"))?;
    let quiet = 2;
    let code = &code;
    let is_dark = move |x, y| code.get_module(x, y);
    let rows = (-quiet..code.size() + quiet).step_by(2);
    let row = |y| {
        // Most terminals show light on dark, which telephones can read as well.
        (-quiet..code.size() + quiet).map(move |x| match (is_dark(x, y), is_dark(x, y + 1)) {
            (false, false) => '█',
            (false, true) => '▀',
            (true, false) => '▄',
            (true, true) => ' ',
        })
    };
    Ok(rows.map(|y| row(y).collect::<String>()).collect::<Vec<_>>().join("\n"))
}
