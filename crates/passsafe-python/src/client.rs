//! The class behind `passsafe.Client`: the blocking client, for Python.
//!
//! Every call that may wait lets go of Python's lock, and asks twenty times a second whether
//! somebody pressed Ctrl-C. No thread, connection or lock is used across a fork: that is the
//! blocking client's to keep.

use std::time::Duration;

use passsafe_client::blocking::{Client as Blocking, Endpoint};
use passsafe_client::{
    BaseUrl, Error, Passphrase, Secret, SecretText, State, Status, Token, TrustedServer, User,
    account_user,
};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};

use crate::arguments;
use crate::failure::{not_text, raised};

/// The longest that looking at a client in a notebook may take.
const GLANCE: Duration = Duration::from_secs(1);

/// Opens one safe, as often as needed until it is over.
#[pyclass(module = "passsafe._passsafe", subclass, frozen)]
pub(crate) struct Client {
    client: Blocking,
    settings: Settings,
}

/// What a client was made with, apart from the passphrase: for its copies, and to be shown.
struct Settings {
    url: BaseUrl,
    user: User,
    timeout: Duration,
    trusted: TrustedServer,
    /// Whether the address may be another machine's: for a copy, which reads it again.
    plain_http: bool,
}

#[pymethods]
impl Client {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "in Python, options are keyword arguments")]
    #[pyo3(
        signature = (
            passphrase, token, host = None, *,
            user = None, timeout = None, owner = None, any_owner = false, plain_http = false
        ),
        text_signature = "(passphrase, token, host='http://localhost:8051', *, user=None, \
                          timeout=5.0, owner=None, any_owner=False, plain_http=False)"
    )]
    fn new(
        py: Python<'_>,
        passphrase: &Bound<'_, PyAny>,
        token: &Bound<'_, PyAny>,
        host: Option<&Bound<'_, PyAny>>,
        user: Option<&Bound<'_, PyAny>>,
        timeout: Option<&Bound<'_, PyAny>>,
        owner: Option<&Bound<'_, PyAny>>,
        any_owner: bool,
        plain_http: bool,
    ) -> PyResult<Self> {
        let url = host.map(|host| arguments::url(host, plain_http)).transpose()?;
        let url = url.unwrap_or_default();
        let user = match user {
            Some(user) => arguments::user(user)?,
            None => account_user().map_err(|error| raised(py, &error, &url, None))?,
        };
        let timeout = timeout.map(arguments::timeout).transpose()?;
        let settings = Settings {
            user,
            timeout: timeout.unwrap_or(Endpoint::DEFAULT_TIMEOUT),
            trusted: arguments::trusted_server(owner, any_owner)?,
            plain_http,
            url,
        };
        let token = arguments::token(token)?;
        let made = match passphrase.cast::<Credential>() {
            Ok(credential) => settings.client_with(credential.get().0.expose(), token),
            Err(_) => settings.client(arguments::passphrase(passphrase)?, token),
        };
        let client = made.map_err(|error| raised(py, &error, &settings.url, None))?;
        Ok(Self { client, settings })
    }

    /// The secret named ``password``, which is what a safe holds unless it was given others.
    fn password<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        masked_text(py, &self.call(py, Blocking::password)?)
    }

    /// A secret that is text. Raises ``NotText`` if it is not.
    fn secret<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let name = arguments::text("name", name)?;
        masked_text(py, &self.call(py, |client| client.secret(&name))?)
    }

    /// A secret of any bytes, text included.
    fn secret_bytes<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let name = arguments::text("name", name)?;
        let secret = self.call(py, |client| client.secret_bytes(&name))?;
        masked(py, "SecretBytes", PyBytes::new(py, secret.expose()).as_any())
    }

    /// The named secrets, or all, which have to be text: by name, fetched at one moment and as
    /// one use.
    #[pyo3(signature = (*names))]
    fn secrets<'py>(
        &self,
        py: Python<'py>,
        names: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let given: Vec<_> = names.iter().collect();
        let names: Vec<_> =
            given.iter().map(|name| arguments::text("name", name)).collect::<PyResult<_>>()?;
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        let secrets: Vec<(String, Secret)> = if names.is_empty() {
            let mut entries = self.call(py, Blocking::entries)?;
            let names: Vec<_> = entries.names().cloned().collect();
            let all = names.iter().map(|name| Some((name.to_string(), entries.take(name)?)));
            all.flatten().collect()
        } else {
            let secrets = self.call(py, |client| client.secrets(&names))?;
            names.into_iter().map(str::to_owned).zip(secrets).collect()
        };
        let found = PyDict::new(py);
        for (name, secret) in secrets {
            let text = secret.into_text().map_err(|_| not_text(py, &name))?;
            found.set_item(name, masked_text(py, &text)?)?;
        }
        Ok(found)
    }

    /// The names of all secrets in the safe, in ascending order.
    fn names(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        Ok(self.call(py, Blocking::names)?.iter().map(ToString::to_string).collect())
    }

    /// Where the safe is in its life. No token is sent.
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        python_status(py, &self.call(py, Blocking::status)?)
    }

    /// How long the safe will live; raises what ended it if it is over. No token is sent.
    fn remaining(&self, py: Python<'_>) -> PyResult<Duration> {
        self.call(py, Blocking::remaining)
    }

    /// Closes the safe for good, for everyone.
    fn close_safe(&self, py: Python<'_>) -> PyResult<()> {
        self.call(py, Blocking::close_safe)
    }

    /// Address of the safe.
    #[getter]
    fn url(&self) -> String {
        self.settings.url.to_string()
    }

    /// The account that the safe is opened for.
    #[getter]
    fn user(&self) -> String {
        self.settings.user.to_string()
    }

    /// As `status`, within a second.
    fn _glance<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let glance = || self.settings.endpoint().status();
        let status = py.detach(glance);
        python_status(py, &status.map_err(|error| raised(py, &error, &self.settings.url, None))?)
    }

    fn __getnewargs_ex__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<((Credential, String, String), Bound<'py, PyDict>)> {
        let Settings { url, user, timeout, trusted, plain_http } = &self.settings;
        let credential = self.client.expose_credential();
        let credential = credential.map_err(|error| raised(py, &error, url, None))?;
        let options = PyDict::new(py);
        options.set_item("user", PyBytes::new(py, user.as_bytes()))?;
        options.set_item("timeout", timeout.as_secs_f64())?;
        match trusted {
            TrustedServer::Uid(uid) => options.set_item("owner", uid)?,
            TrustedServer::Anyone => options.set_item("any_owner", true)?,
            _ => {}
        }
        if *plain_http {
            options.set_item("plain_http", true)?;
        }
        let required =
            (Credential(credential), self.client.token().expose().to_owned(), url.to_string());
        Ok((required, options))
    }

    fn __repr__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyString>> {
        let Settings { url, user, .. } = &slf.get().settings;
        PyString::from_fmt(
            slf.py(),
            format_args!("<passsafe.{} {url} for {user}>", slf.get_type().name()?),
        )
    }
}

impl Client {
    /// Runs `verb` without Python's lock.
    fn call<T: Send>(
        &self,
        py: Python<'_>,
        verb: impl FnOnce(&Blocking) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        py.detach(|| verb(&self.client))
            .map_err(|error| raised(py, &error, &self.settings.url, Some(&self.client)))
    }
}

impl Settings {
    fn client(&self, passphrase: Passphrase, token: Token) -> Result<Blocking, Error> {
        let client = Blocking::new(passphrase, token)?;
        Ok(self.set_up(client.with_user(self.user.clone())))
    }

    fn client_with(&self, credential: &[u8], token: Token) -> Result<Blocking, Error> {
        let client = Blocking::from_exposed(credential, token, self.user.clone())?;
        Ok(self.set_up(client))
    }

    fn set_up(&self, client: Blocking) -> Blocking {
        client
            .with_url(self.url.clone())
            .with_timeout(self.timeout)
            .with_trusted_server(self.trusted)
            .with_interrupt(interrupted)
            .with_waiting(say_that_it_waits)
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::new(self.url.clone())
            .with_timeout(self.timeout.min(GLANCE))
            .with_trusted_server(self.trusted)
            .with_interrupt(interrupted)
    }
}

/// By a logger, so that a program can do without: unless set up otherwise, it is on stderr.
fn say_that_it_waits() {
    let said = Python::try_attach(|py| -> PyResult<()> {
        let logger = py.import("logging")?.call_method1("getLogger", ("passsafe",))?;
        logger.call_method1(
            "warning",
            ("waiting: the safe's terminal asks whether to allow this",),
        )?;
        Ok(())
    });
    // Whoever cannot be told waits all the same.
    drop(said);
}

/// Whether Python has a signal to handle, which it does on its main thread only.
fn interrupted() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let asked = Python::try_attach(|py| Ok(py.check_signals()?));
    // An interpreter that is going away has no signals any more.
    asked.unwrap_or(Ok(()))
}

/// What opens a safe, on its way from one client to its copy. Its pickle holds it openly.
#[pyclass(module = "passsafe._passsafe", frozen)]
pub(crate) struct Credential(Secret);

#[pymethods]
impl Credential {
    #[new]
    fn new(exposed: &Bound<'_, PyAny>) -> PyResult<Self> {
        // A conversion's error would say what it was given.
        let bytes = exposed.cast::<PyBytes>().map_err(|_| PyTypeError::new_err("bytes wanted"))?;
        Ok(Self(Secret::from(bytes.as_bytes().to_vec())))
    }

    fn __getnewargs__<'py>(&self, py: Python<'py>) -> (Bound<'py, PyBytes>,) {
        (PyBytes::new(py, self.0.expose()),)
    }
}

fn masked_text<'py>(py: Python<'py>, secret: &SecretText) -> PyResult<Bound<'py, PyAny>> {
    masked(py, "SecretText", PyString::new(py, secret.expose()).as_any())
}

/// A subclass of `str` cannot be written in Rust for all versions of Python at once.
fn masked<'py>(
    py: Python<'py>,
    class: &str,
    value: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    py.import("passsafe._masked")?.getattr(class)?.call1((value,))
}

fn python_status<'py>(py: Python<'py>, status: &Status) -> PyResult<Bound<'py, PyAny>> {
    let state = match status.state {
        State::Open => "open",
        State::Locked => "locked",
        State::Spent => "spent",
        State::Expired => "expired",
        State::Closed => "closed",
        _ => "unknown",
    };
    let class = py.import("passsafe._status")?.getattr("Status")?;
    class.call1((state, status.expires_in_seconds, status.attempts_left, status.proofs_left))
}
