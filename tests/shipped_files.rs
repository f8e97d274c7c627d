//! Everything in policies/ and examples/ loads without a problem.
