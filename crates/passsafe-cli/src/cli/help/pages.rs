//! What the definitions of the command line have no place for: descriptions, examples,
//! exit codes and variables. `-h`, `--help`, manual pages and `docs/cli.md` are made of it.

use crate::os::environment;

/// What a person may type, and what it does.
pub(crate) struct Example {
    pub(crate) line: &'static str,
    pub(crate) does: &'static str,
}

/// What is told about a verb; the empty one is the command without a verb.
pub(crate) struct Page {
    pub(crate) verb: &'static str,
    pub(crate) description: &'static str,
    /// The first one, or two for the whole command, open `-h`.
    pub(crate) examples: &'static [Example],
}

/// A variable that passsafe reads.
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    pub(crate) holds: &'static str,
    pub(crate) verbs: &'static [&'static str],
}

const fn example(line: &'static str, does: &'static str) -> Example {
    Example { line, does }
}

pub(crate) const PAGES: &[Page] = &[
    Page {
        verb: "",
        description: "\
passsafe asks for a password, encrypts it under a passphrase that it makes up for this one time, \
and serves the ciphertext, from memory only, on this machine. Passphrase and token are shown: \
with both, and while the time lasts, a program fetches the password. Three wrong tokens lock \
the safe for good.

Without a command, it serves, with the options of 'passsafe serve'.",
        examples: &[
            example("passsafe", "ask for a password and serve it, sealed"),
            example("passsafe get", "fetch it, in another terminal"),
            example(
                "passsafe run --env PGPASSWORD -- psql -h db.example -U ana",
                "give it to a program",
            ),
        ],
    },
    Page {
        verb: "serve",
        description: "\
Asks for how long and for the password, or for each secret that is named, hidden; shows a passphrase \
of six words and a token of six digits, and serves until the time is up, Ctrl-C or 'passsafe close'. \
What is served is ciphertext; the process that serves it has never held password or passphrase. The \
terminal shows the time left, and who fetched.",
        examples: &[
            example(
                "passsafe serve --minutes 30",
                "ask for a password, and serve it for half an hour",
            ),
            example(
                "passsafe serve --confirm --max-uses 3",
                "ask before each release, three at most",
            ),
            example(
                "printf %s \"$PW\" | passsafe serve --password-stdin --json --port 0",
                "without a terminal: the credentials are one line of JSON",
            ),
            example(
                "passsafe serve DB_PASSWORD --show DB_USER --secret-file DB_KEY=client.key",
                "several secrets, by name",
            ),
            example(
                "passsafe serve -- jupyter lab",
                "around a program, which finds the safe by itself",
            ),
            example(
                "passsafe serve --socket \"$XDG_RUNTIME_DIR/safe.sock\" --allow-user postgres",
                "for a container, or another account",
            ),
        ],
    },
    Page {
        verb: "get",
        description: "\
Asks for passphrase and token, fetches the sealed record and opens it here. The secret and a line \
feed go to standard output, all else to standard error or the terminal.",
        examples: &[
            example("passsafe get DB_PASSWORD", "ask for passphrase and token, print that secret"),
            example("passsafe get", "the one that was not named when it was stored"),
            example(
                "passsafe get --raw | docker login --username ana --password-stdin",
                "without a line feed, into a program that reads it",
            ),
            example("passsafe get --json", "all of them, for a program"),
            example("passsafe get --url http://localhost:40123", "from a safe on another port"),
        ],
    },
    Page {
        verb: "run",
        description: "\
Fetches the secrets, all at one moment, then becomes the program: terminal, signals and exit code are the program's \
own. The program gets none of passsafe's own variables. Other programs of the same account can \
read a program's environment.",
        examples: &[
            example(
                "passsafe run --env PGPASSWORD -- psql -h db.example -U ana",
                "psql finds the password in PGPASSWORD",
            ),
            example(
                "passsafe run --env PGUSER=DB_USER --env PGPASSWORD=DB_PASSWORD -- psql",
                "two secrets, under the names that psql wants",
            ),
            example("passsafe run --all -- make deploy", "every secret in a variable of its name"),
            example(
                "passsafe run --stdin password -- docker login -u ana --password-stdin",
                "on standard input, and in no environment",
            ),
            example(
                "passsafe run --file PGSSLKEY=DB_KEY -- psql",
                "the path of a file that exists in memory only",
            ),
        ],
    },
    Page {
        verb: "status",
        description: "\
Says whether a safe is open, how long still, and how many wrong tokens it would take to lock it. \
Asking changes nothing.",
        examples: &[
            example("passsafe status", "in words"),
            example("passsafe status --json", "for programs"),
        ],
    },
    Page {
        verb: "close",
        description: "\
Ends a safe before its time; it takes the token. Ctrl-C in the safe's own terminal does the same \
without one.",
        examples: &[
            example("passsafe close", "ask for the token, close the safe"),
            example("passsafe close --url http://localhost:40123", "a safe on another port"),
        ],
    },
    Page {
        verb: "help",
        description: "The same as 'passsafe COMMAND --help'.",
        examples: &[example("passsafe help get", "all about 'passsafe get'")],
    },
    Page {
        verb: "man",
        description: "\
Prints the manual page of a command, or of passsafe, as roff on standard output; with --into, writes \
all pages as files.",
        examples: &[
            example("passsafe man get | man -l -", "read the page of 'passsafe get'"),
            example(
                "passsafe man --into ~/.local/share/man/man1",
                "from then on, 'man passsafe-get' finds it",
            ),
        ],
    },
    Page {
        verb: "completions",
        description: "\
Prints a script that lets a shell complete commands, options and their fixed values. Names of \
secrets are not completed: they are sealed like the secrets, and no safe tells them without a token.",
        examples: &[
            example("eval \"$(passsafe completions bash)\"", "for this bash; best in ~/.bashrc"),
            example(
                "passsafe completions zsh >~/.zfunc/_passsafe",
                "zsh, with ~/.zfunc in its fpath",
            ),
            example("passsafe completions fish >~/.config/fish/completions/passsafe.fish", "fish"),
        ],
    },
];

/// The page of a verb, if it has one.
pub(crate) fn of(verb: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.verb == verb)
}

pub(crate) const VARIABLES: &[Variable] = &[
    Variable { name: environment::PASSPHRASE, holds: "the six words", verbs: &["get", "run"] },
    Variable {
        name: environment::PASSPHRASE_FILE,
        holds: "in its place: a file that holds them",
        verbs: &["get", "run"],
    },
    Variable { name: environment::TOKEN, holds: "the six digits", verbs: &["get", "run", "close"] },
    Variable {
        name: "PASSSAFE_URL",
        holds: "the address of the safe, as --url",
        verbs: &["get", "run", "status", "close"],
    },
    Variable {
        name: "PASSSAFE_OWNER",
        holds: "the account that serves the safe, as --owner",
        verbs: &["get", "run", "status", "close"],
    },
    Variable {
        name: "PASSSAFE_USER",
        holds: "the account name that the passphrase is bound to, as --user",
        verbs: &["", "serve", "get", "run"],
    },
];

/// Exit codes, and what each means; `docs/cli.md` has every error of each.
pub(crate) const EXIT_CODES: &[(&str, &str)] = &[
    ("0", "It worked. For serve: the safe is gone, whatever ended it."),
    (
        "2",
        "Wrong usage, and nothing was sent: a flag, a value, an address, a token that is not six digits, an empty password.",
    ),
    (
        "65",
        "The record does not open: wrong passphrase or user, damaged record, no secret of that name.",
    ),
    (
        "66",
        "Nothing to read from: no terminal and no variable, Ctrl-D at a prompt, a file that cannot be read.",
    ),
    ("67", "The account's name is not UTF-8, and no --user was given."),
    ("69", "No safe there, or the port or socket is busy, or what listens hung up."),
    ("71", "The system refused something that normally works."),
    ("74", "The answer could not be written."),
    ("75", "No answer within 5 seconds."),
    ("76", "The server is not passsafe."),
    (
        "77",
        "The safe refused: wrong token, locked, spent, expired, closed, another host; or another account listens there, and nothing was sent.",
    ),
    ("125", "run, and serve with CMD: anything of the above, before the program started."),
    ("126", "run, and serve with CMD: the program cannot be executed."),
    ("127", "run, and serve with CMD: there is no such program."),
    (
        "128+N",
        "Ended at a prompt by signal N, in the words of a shell: Ctrl-C is 130. The terminal is left as it was found.",
    ),
];
