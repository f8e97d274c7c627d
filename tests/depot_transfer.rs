//! Images over real HTTP: gate, ranges, resumption, curl.
