//! gates, told case by case.
