//! The members of a type, found out by watching it read itself: names, types, and which may be left out.

use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};

/// What a value is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Anything.
    Any,
    Text,
    Integer,
    Boolean,
    List(Box<Shape>),
    /// Members by name.
    Structure(Vec<(&'static str, Field)>),
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) optional: bool,
    pub(crate) shape: Shape,
}

/// The shape of a type of the protocol.
pub(crate) fn shape<T: DeserializeOwned>() -> Shape {
    let mut field = Field { optional: false, shape: Shape::Any };
    T::deserialize(Tracer(&mut field)).expect("a type of the protocol reads what it asks for");
    field.shape
}

/// Gives a type what it asks for, and notes that.
struct Tracer<'a>(&'a mut Field);

impl<'de> Deserializer<'de> for Tracer<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.0.shape = Shape::Boolean;
        visitor.visit_bool(true)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.0.shape = Shape::Integer;
        visitor.visit_i64(1)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.0.shape = Shape::Text;
        visitor.visit_str("")
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.0.optional = true;
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut item = Field { optional: false, shape: Shape::Any };
        let value = visitor.visit_seq(Items { item: &mut item, given: false })?;
        self.0.shape = Shape::List(Box::new(item.shape));
        Ok(value)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let mut fields = Vec::new();
        let value = visitor.visit_map(Members { names: names.iter(), fields: &mut fields })?;
        self.0.shape = Shape::Structure(fields);
        Ok(value)
    }

    // A type that asks for anything else gets nothing, and fails: the tables have no such types.
    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char str bytes byte_buf unit unit_struct tuple tuple_struct map enum
        identifier ignored_any
    }
}

/// A list of one item.
struct Items<'a> {
    item: &'a mut Field,
    given: bool,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        match std::mem::replace(&mut self.given, true) {
            false => seed.deserialize(Tracer(self.item)).map(Some),
            true => Ok(None),
        }
    }
}

/// All members of a structure.
struct Members<'a> {
    names: std::slice::Iter<'static, &'static str>,
    fields: &'a mut Vec<(&'static str, Field)>,
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(name) = self.names.next() else { return Ok(None) };
        self.fields.push((*name, Field { optional: false, shape: Shape::Any }));
        let name: StrDeserializer<'_, Error> = (*name).into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (_, field) = self.fields.last_mut().ok_or_else(|| Error::custom("a value before its key"))?;
        seed.deserialize(Tracer(field))
    }
}
