//! The guards in front of the safe: which requests are refused before a token is judged.

use hyper::header::{HOST, HeaderName, HeaderValue, ORIGIN};
use hyper::{HeaderMap, Request};
use passsafe_core::wire::{Code, PROOF_HEADER, Problem, TOKEN_HEADER};
use passsafe_core::{Proof, Token};

use super::hosts::AllowedHosts;
use crate::listen::Transport;

// Made once: to look a header up by a text is to parse the text each time.
static TOKEN: HeaderName = HeaderName::from_static(TOKEN_HEADER);
static PROOF: HeaderName = HeaderName::from_static(PROOF_HEADER);
static SEC_PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");
static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The headers that decide about a request.
#[derive(Default)]
pub(super) struct Headers<'a> {
    host: Values<'a>,
    token: Values<'a>,
    proof: Values<'a>,
    is_from_page: bool,
}

/// The values of one header.
#[derive(Default, Clone, Copy)]
enum Values<'a> {
    #[default]
    None,
    One(&'a HeaderValue),
    Several,
}

impl<'a> Values<'a> {
    fn add(&mut self, value: &'a HeaderValue) {
        *self = if matches!(self, Self::None) { Self::One(value) } else { Self::Several };
    }
}

impl<'a> Headers<'a> {
    /// Browsers put `Origin` on every cross-origin request that could matter and
    /// `Sec-Fetch-Site` on all of them; pages can suppress neither. What a page has Chromium
    /// fetch ahead (speculation rules) says `none` there, as if the user had typed the address,
    /// but always has `Sec-Purpose`. Programs send none of them.
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        let mut found = Self::default();
        for (name, value) in headers {
            if *name == HOST {
                found.host.add(value);
            } else if *name == TOKEN {
                found.token.add(value);
            } else if *name == PROOF {
                found.proof.add(value);
            } else {
                found.is_from_page |= *name == ORIGIN
                    || *name == SEC_PURPOSE
                    || (*name == SEC_FETCH_SITE && value != "none");
            }
        }
        found
    }

    /// hyper accepts a missing or double `Host`, so both are refused here.
    pub(super) fn refuse_wrong_host<B>(
        &self,
        request: &Request<B>,
        hosts: &AllowedHosts,
        transport: Transport,
    ) -> Result<(), Problem> {
        let header_is_ours =
            matches!(self.host, Values::One(value) if hosts.allows(value.as_bytes(), transport));
        let target_is_ours = request
            .uri()
            .authority()
            .is_none_or(|authority| hosts.allows(authority.as_str().as_bytes(), transport));
        if header_is_ours && target_is_ours { Ok(()) } else { Err(Problem::new(Code::WrongHost)) }
    }

    pub(super) fn refuse_web_pages(&self) -> Result<(), Problem> {
        if self.is_from_page { Err(Problem::new(Code::ForbiddenOrigin)) } else { Ok(()) }
    }

    pub(super) fn token(&self) -> Result<Token, Problem> {
        let value = match self.token {
            Values::None => return Err(Problem::new(Code::MissingToken)),
            Values::One(value) => Some(value),
            Values::Several => None,
        };
        value
            .and_then(|value| Token::from_wire(value.as_bytes()).ok())
            .ok_or_else(|| Problem::new(Code::MalformedToken))
    }

    /// The proof, if there is one.
    pub(super) fn proof(&self) -> Result<Option<Proof>, Problem> {
        let value = match self.proof {
            Values::None => return Ok(None),
            Values::One(value) => Proof::from_wire(value.as_bytes()).ok(),
            Values::Several => None,
        };
        value.map(Some).ok_or_else(|| Problem::new(Code::MalformedProof))
    }
}
