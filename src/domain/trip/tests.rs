//! The trip, told case by case.
