//! Serves a router on a Unix socket or on TCP until it is told to stop.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use futures_util::FutureExt;
use tokio::net::{TcpListener, UnixListener, UnixStream};

/// How long requests under way may take to end after the stop.
const GRACE: Duration = Duration::from_secs(5);

/// Binds a Unix socket for its owner and group (mode 0660).
///
/// A socket that a dead process left behind is replaced; one on which somebody answers, and a file that is no socket,
/// are errors.
pub async fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    let wrong = |kind, why: &str| io::Error::new(kind, format!("{}: {why}", path.display()));
    match std::fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(wrong(e.kind(), &e.to_string())),
        Ok(file) if !file.file_type().is_socket() => {
            return Err(wrong(io::ErrorKind::AlreadyExists, "is there already and is not a socket"));
        }
        Ok(_) => match UnixStream::connect(path).await {
            Ok(_) => {
                return Err(wrong(io::ErrorKind::AddrInUse, "another sipherd answers here; stop it first"));
            }
            Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path)?,
            Err(e) => return Err(wrong(e.kind(), &e.to_string())),
        },
    }
    let listener = UnixListener::bind(path).map_err(|e| wrong(e.kind(), &format!("cannot listen: {e}")))?;
    std::fs::set_permissions(path, Permissions::from_mode(0o660))?;
    Ok(listener)
}

/// Serves on a Unix socket that [`bind_unix`] bound to `path` until `shutdown` ends, then removes it.
pub async fn serve_unix<F>(listener: UnixListener, path: &Path, router: Router, shutdown: F) -> io::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    serve(listener, router, shutdown).await?;
    match std::fs::remove_file(path) {
        // systemd may have removed the whole runtime directory.
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Serves on a bound TCP socket until `shutdown` ends.
pub async fn serve_tcp<F>(listener: TcpListener, router: Router, shutdown: F) -> io::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    serve(listener, router, shutdown).await
}

async fn serve<L, F>(listener: L, router: Router, shutdown: F) -> io::Result<()>
where
    L: Listener,
    L::Addr: std::fmt::Debug,
    F: Future<Output = ()> + Send + 'static,
{
    let shutdown = shutdown.shared();
    let late = shutdown.clone().then(|()| tokio::time::sleep(GRACE));
    tokio::select! {
        ended = axum::serve(listener, router).with_graceful_shutdown(shutdown).into_future() => ended,
        () = late => Ok(()),
    }
}
