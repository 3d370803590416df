//! Pairs of names and values: `--header 'NAME: VALUE'` and `--property NAME=VALUE`.

use crate::wire::{Header, Properties};

/// What to do where a header has the name of a property.
pub(super) fn property_meant(text: &str) -> Option<String> {
    let name = header(text).ok()?.0.to_ascii_lowercase().replace('_', "-");
    let option = match name.as_str() {
        "content-type" | "type" | "correlation-id" => format!("--{name}"),
        "reply-to" => return None, // there is none to set
        _ => format!("--property {name}=VALUE"),
    };
    let is_property = set_property(&mut Properties::default(), &format!("{name}="))
        != Err(PairError::Unknown(name.clone()));
    is_property.then(|| format!("{name} is sent as a header; {option} sets the property"))
}

/// What is wrong with a `--header` or a `--property`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PairError {
    #[error("expected NAME: VALUE, such as 'x-tenant: acme'")]
    Header,
    #[error("expected a number, true or false behind :=; for a text, leave out the =")]
    Typed,
    #[error("expected NAME=VALUE, such as priority=5")]
    Property,
    #[error(
        "there is no property {0:?}; there are content-type, content-encoding, delivery-mode, \
         priority, correlation-id, expiration, message-id, timestamp, type, user-id and app-id"
    )]
    Unknown(String),
    #[error("the reply address is the client's own; --reply-queue says of which kind")]
    ReplyTo,
    #[error("expected {0}")]
    Number(&'static str),
}

pub(super) fn checked_header(text: &str) -> Result<String, PairError> {
    header(text).map(|_| text.to_owned())
}

pub(super) fn checked_property(text: &str) -> Result<String, PairError> {
    set_property(&mut Properties::default(), text).map(|()| text.to_owned())
}

pub(super) fn header(text: &str) -> Result<(String, Header), PairError> {
    let (name, value) = text.split_once(':').ok_or(PairError::Header)?;
    if name.trim().is_empty() {
        return Err(PairError::Header);
    }
    let value = match value.strip_prefix('=') {
        None => Header::Text(value.trim().to_owned()),
        Some(typed) => match (typed.trim().parse(), typed.trim().parse(), typed.trim().parse()) {
            (Ok(integer), _, _) => Header::Integer(integer),
            (_, Ok(truth), _) => Header::Bool(truth),
            (_, _, Ok(float)) => Header::Float(float),
            _ => return Err(PairError::Typed),
        },
    };
    Ok((name.trim().to_owned(), value))
}

pub(crate) fn set_property(properties: &mut Properties, text: &str) -> Result<(), PairError> {
    let (name, value) = text.split_once('=').ok_or(PairError::Property)?;
    let place = match name.replace('_', "-").as_str() {
        "content-type" => &mut properties.content_type,
        "content-encoding" => &mut properties.content_encoding,
        "correlation-id" => &mut properties.correlation_id,
        "expiration" => &mut properties.expiration,
        "message-id" => &mut properties.message_id,
        "type" => &mut properties.kind,
        "user-id" => &mut properties.user_id,
        "app-id" => &mut properties.app_id,
        "reply-to" => return Err(PairError::ReplyTo),
        "delivery-mode" => {
            properties.delivery_mode = Some(match value {
                "1" | "transient" => 1,
                "2" | "persistent" => 2,
                _ => return Err(PairError::Number("transient (1) or persistent (2)")),
            });
            return Ok(());
        }
        "priority" => {
            let number = value.parse().map_err(|_| PairError::Number("a priority of 0 to 255"))?;
            properties.priority = Some(number);
            return Ok(());
        }
        "timestamp" => {
            let number = value.parse().map_err(|_| PairError::Number("Unix time in seconds"))?;
            properties.timestamp = Some(number);
            return Ok(());
        }
        _ => return Err(PairError::Unknown(name.to_owned())),
    };
    *place = Some(value.to_owned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_have_names_and_types() {
        for (text, name, value) in [
            ("x-tenant: acme", "x-tenant", Header::from("acme")),
            ("a:b:c", "a", Header::from("b:c")),
            ("empty:", "empty", Header::from("")),
            ("n:=5", "n", Header::Integer(5)),
            ("t:= true", "t", Header::Bool(true)),
            ("f:=0.5", "f", Header::Float(0.5)),
            ("n: 5", "n", Header::from("5")),
        ] {
            assert_eq!(header(text), Ok((name.to_owned(), value)), "{text}");
        }
        for (text, meant) in [
            ("Content-Type: text/plain", Some("--content-type sets")),
            ("priority:=5", Some("--property priority=VALUE sets")),
            ("x-tenant: acme", None),
        ] {
            let says = property_meant(text);
            assert_eq!(says.is_some(), meant.is_some(), "{text}");
            assert!(says.is_none_or(|says| says.contains(meant.unwrap())), "{text}");
        }
        assert_eq!(header("no colon"), Err(PairError::Header));
        assert_eq!(header(": value"), Err(PairError::Header));
        assert_eq!(header("n:=five"), Err(PairError::Typed));
    }

    #[test]
    fn every_property_can_be_set_and_no_other() {
        let mut set = Properties::default();
        for text in ["content-type", "content-encoding", "correlation_id", "message-id", "type"] {
            set_property(&mut set, &format!("{text}=a=b")).unwrap();
        }
        for text in ["user-id=u", "app_id=p", "expiration=5", "priority=9", "timestamp=7"] {
            set_property(&mut set, text).unwrap();
        }
        set_property(&mut set, "delivery-mode=persistent").unwrap();
        let texts = set.texts().into_iter().filter(|(_, text)| text.is_some()).count();
        let numbers = set.numbers().map(|(_, number)| number.unwrap());
        assert_eq!((texts, numbers), (8, [2, 9, 7]), "all but reply-to");
        assert_eq!(set.kind.as_deref(), Some("a=b"));
        for (text, says) in [
            ("priority", "expected NAME=VALUE"),
            ("priority=256", "0 to 255"),
            ("delivery-mode=3", "persistent (2)"),
            ("reply-to=q", "the client's own"),
            ("colour=red", "there is no property \"colour\""),
        ] {
            let error = checked_property(text).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
