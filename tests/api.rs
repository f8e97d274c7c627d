//! The API router without a socket.
