//! Policy text, instant and expected window; DST days of three zones.
