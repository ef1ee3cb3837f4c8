//! stub for integration
#![allow(missing_docs)]
#[derive(Clone, Debug, Default)]
pub struct Author {
    pub program: Option<String>,
    pub role: Role,
    pub sure: bool,
    pub marks: Vec<String>,
    pub relayed_by: Option<String>,
    pub evokes: Option<String>,
}
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    #[default]
    Unknown,
    Application,
    Proxy,
    Waf,
    Filter,
}
pub struct Prints;
pub struct Answer<'a> {
    pub version: (u8, u8),
    pub status: u16,
    pub reason: &'a [u8],
    pub fields: Vec<(&'a [u8], &'a [u8])>,
    pub body: &'a [u8],
    pub body_length: u64,
    pub closes: Option<bool>,
}
impl Prints {
    pub fn built_in() -> Prints {
        Prints
    }
    pub fn author(&self, _a: &Answer<'_>) -> Author {
        Author::default()
    }
}
