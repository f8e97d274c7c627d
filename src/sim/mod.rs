//! A virtual building: phones, PBX and clock.
