//! Tests of the whole module, one file per subject.
