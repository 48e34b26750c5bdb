//! The font of charts: comes with the program, so that nothing need be installed.

use std::sync::OnceLock;

use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};

/// Name that the font is registered under. SVG viewers read it as a list, so that a page shows
/// charts in a face like its own; the embedded DejaVu, by which widths are measured, is the widest.
pub(crate) const FAMILY: &str = "Helvetica Neue, Helvetica, Arial, DejaVu Sans, sans-serif";

/// Registers the font once per process; false when the embedded bytes are no font.
pub(crate) fn ready() -> bool {
    static READY: OnceLock<bool> = OnceLock::new();
    *READY.get_or_init(|| {
        register_font(FAMILY, FontStyle::Normal, dejavu::sans::regular()).is_ok()
            && register_font(FAMILY, FontStyle::Bold, dejavu::sans::bold()).is_ok()
    })
}

/// The font at a size as plotters counts it.
pub(crate) fn at(size: f64, bold: bool) -> FontDesc<'static> {
    let style = if bold { FontStyle::Bold } else { FontStyle::Normal };
    FontDesc::new(FontFamily::Name(FAMILY), size, style)
}

/// Line height of DejaVu in ems, which plotters' bitmap text takes for the size.
pub(crate) const LINE_PER_EM: f64 = 1.164;

/// Width of a text in logical pixels at an em size.
pub(crate) fn width(text: &str, size: f64, bold: bool) -> f64 {
    // Plotters rounds widths to whole pixels: measure large, then scale back.
    const MAGNIFY: f64 = 16.0;
    let measured = ready().then(|| at(size * LINE_PER_EM * MAGNIFY, bold).box_size(text).ok());
    match measured.flatten() {
        Some((pixels, _)) => f64::from(pixels) / MAGNIFY,
        // Without a font, painting fails with a message; until then any width will do.
        None => text.chars().count() as f64 * size * 0.6,
    }
}
