//! Each broken file beside the exact message it must produce.
