//! questlog.
fn main() {}
