//! Picks the driver for a configuration. The one file with a `cfg` per engine.
