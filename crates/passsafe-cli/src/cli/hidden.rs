//! Command lines by which passsafe starts itself. In no help and no completion.

use clap::Parser;

/// Starts the serving process.
pub(crate) const SERVER_VERB: &str = "__serving";
/// Starts the launcher of `serve -- CMD`.
pub(crate) const LAUNCHER_VERB: &str = "__launcher";

#[derive(Debug, Parser)]
#[command(name = "passsafe", disable_help_flag = true)]
pub(crate) struct ServerArgs {
    /// Descriptor of the handover
    #[arg(long)]
    pub(crate) handover: i32,
    /// Descriptors of the listening sockets
    #[arg(long, required_unless_present = "socket_listener")]
    pub(crate) listener: Vec<i32>,
    /// Descriptor of the listening Unix socket
    #[arg(long)]
    pub(crate) socket_listener: Option<i32>,
    /// Number of the launcher's process
    #[arg(long, requires = "launcher", value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) program: Option<i32>,
    /// Descriptor of the pipe to the launcher
    #[arg(long, requires = "program")]
    pub(crate) launcher: Option<i32>,
}

#[derive(Debug, Parser)]
#[command(name = "passsafe", disable_help_flag = true)]
pub(crate) struct LauncherArgs {
    /// Descriptor from which the program's variables come
    #[arg(long)]
    pub(crate) pipe: i32,
    /// The program and its arguments
    #[arg(required = true, last = true)]
    pub(crate) command: Vec<std::ffi::OsString>,
}
