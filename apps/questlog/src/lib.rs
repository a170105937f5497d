//! questlog library.
