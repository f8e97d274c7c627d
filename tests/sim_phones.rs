//! The simulated phones and pocket PBX, over real sockets.
