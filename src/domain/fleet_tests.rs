//! fleet, told case by case.
