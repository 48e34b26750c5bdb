//! The attributes of a node, by name.

use std::collections::BTreeMap;

use super::array::Array;
use super::error::{Fault, Prepared};
use super::proto::AttributeProto;

/// The attributes of one node.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes(BTreeMap<String, AttributeProto>);

impl Attributes {
    /// Of a node of the file.
    pub(super) fn of(attributes: Vec<AttributeProto>) -> Self {
        Self(attributes.into_iter().map(|attribute| (attribute.name.clone(), attribute)).collect())
    }

    /// An integer, or what it is where it is not given.
    pub(super) fn integer(&self, name: &str, usual: i64) -> i64 {
        self.0.get(name).map_or(usual, |attribute| attribute.i)
    }

    /// A float, or what it is where it is not given.
    pub(super) fn float(&self, name: &str, usual: f32) -> f32 {
        self.0.get(name).map_or(usual, |attribute| attribute.f)
    }

    /// A number that is not given everywhere.
    pub(super) fn given_float(&self, name: &str) -> Option<f32> {
        self.0.get(name).map(|attribute| attribute.f)
    }

    /// A list of integers, if it is given.
    pub(super) fn list(&self, name: &str) -> Option<&[i64]> {
        self.0.get(name).map(|attribute| attribute.ints.as_slice())
    }

    /// A list of `N` sizes.
    pub(super) fn sizes<const N: usize>(
        &self,
        name: &str,
        usual: [usize; N],
    ) -> Prepared<[usize; N]> {
        let Some(list) = self.list(name) else { return Ok(usual) };
        let sizes: Vec<usize> = list.iter().filter_map(|&x| usize::try_from(x).ok()).collect();
        match sizes.try_into() {
            Ok(sizes) if list.len() == N => Ok(sizes),
            _ => Fault::unsupported(format!("`{name}` is {list:?}, not {N} sizes")),
        }
    }

    /// A word, or what it is where it is not given.
    pub(super) fn word<'a>(&'a self, name: &str, usual: &'a str) -> &'a str {
        let given = self.0.get(name).and_then(|attribute| std::str::from_utf8(&attribute.s).ok());
        given.unwrap_or(usual)
    }

    /// A tensor, if it is given.
    pub(super) fn array(&self, name: &str) -> Prepared<Option<Array>> {
        let tensor = self.0.get(name).and_then(|attribute| attribute.t.as_ref());
        tensor.map(Array::of).transpose()
    }
}
