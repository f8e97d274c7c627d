//! scheduler, told case by case.
