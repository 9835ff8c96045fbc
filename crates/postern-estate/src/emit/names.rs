//! Names of IAM as names of resources: a function of the name alone, so that no other object ever moves
//! one to another resource, and never the same for two names.

/// A logical id of CloudFormation, which takes letters and digits only.
///
/// `postern-admin` becomes `RolePosternAdmin`: the first letter and one behind a hyphen stand as
/// capitals. What would be ambiguous stands behind a `Z`: a capital as itself, every other character by
/// its place in [`MARKS`].
pub(super) fn logical_id(kind: &str, name: &str) -> String {
    let mut id = kind.to_owned();
    let mut hump = true;
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            'a'..='y' if hump => id.push(c.to_ascii_uppercase()),
            '-' if !hump && rest.peek().is_some_and(|next| matches!(next, 'a'..='y')) => {
                hump = true;
                continue;
            }
            'a'..='z' | '0'..='9' => {
                // A small letter where a capital would be read.
                if hump && c == 'z' {
                    id.push('Z');
                }
                id.push(c);
            }
            'A'..='Z' => id.extend(['Z', c]),
            other => {
                id.push('Z');
                match MARKS.find(other) {
                    Some(at) => id.push_str(&at.to_string()),
                    // IAM's names hold nothing else.
                    None => id.push_str(&format!("9{:x}Z", u32::from(other))),
                }
            }
        }
        hump = false;
    }
    id
}

/// What IAM takes in names beside letters and digits.
const MARKS: &str = "-_.@+=,";

/// The name of a Terraform resource: letters, digits, `-` and `_`, with a letter or `_` in front.
///
/// `_` stands twice, and whatever cannot stand as `_xHH_`.
pub(super) fn resource_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (at, c) in name.chars().enumerate() {
        match c {
            'a'..='z' | 'A'..='Z' => out.push(c),
            '0'..='9' | '-' if at > 0 => out.push(c),
            '_' => out.push_str("__"),
            other => out.push_str(&format!("_x{:x}_", u32::from(other))),
        }
    }
    out
}

/// The name of what one object has of another: `_of_` cannot come about in [`resource_name`].
pub(super) fn resource_of(part: &str, whole: &str) -> String {
    format!("{}_of_{}", resource_name(part), resource_name(whole))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The name that a logical id was made of.
    fn name_of(id: &str) -> String {
        let mut name = String::new();
        let mut rest = id.chars();
        let mut first = true;
        while let Some(c) = rest.next() {
            match c {
                'Z' => match rest.next().unwrap() {
                    digit @ '0'..='6' => name.push(MARKS.as_bytes()[digit as usize - '0' as usize].into()),
                    letter => name.push(letter),
                },
                'A'..='Y' => {
                    if !first {
                        name.push('-');
                    }
                    name.push(c.to_ascii_lowercase());
                }
                other => name.push(other),
            }
            first = false;
        }
        name
    }

    /// The name that a resource's name was made of.
    fn name_of_resource(resource: &str) -> String {
        let mut name = String::new();
        let mut rest = resource.chars();
        while let Some(c) = rest.next() {
            match c {
                '_' => match rest.next().unwrap() {
                    '_' => name.push('_'),
                    'x' => {
                        let code: String = rest.by_ref().take_while(|c| *c != '_').collect();
                        name.push(char::from_u32(u32::from_str_radix(&code, 16).unwrap()).unwrap());
                    }
                    other => panic!("_{other} in {resource}"),
                },
                other => name.push(other),
            }
        }
        name
    }

    #[test]
    fn names_stay_readable() {
        assert_eq!(logical_id("Role", "postern-admin"), "RolePosternAdmin");
        assert_eq!(logical_id("User", "alice@acme.com"), "UserAliceZ3acmeZ2com");
        assert_eq!(logical_id("Role", "Admin"), "RoleZAdmin");
        assert_eq!(logical_id("Role", "a-z"), "RoleAZ0z");
        assert_eq!(resource_name("postern-admin"), "postern-admin");
        assert_eq!(resource_name("alice@acme.com"), "alice_x40_acme_x2e_com");
        assert_eq!(resource_name("1-x_y"), "_x31_-x__y");
        assert_eq!(resource_of("logs", "developer"), "logs_of_developer");
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in "[A-Za-z0-9+=,.@_-]{1,64}") {
            let id = logical_id("", &name);
            prop_assert_eq!(&name_of(&id), &name);
            prop_assert!(id.chars().all(|c| c.is_ascii_alphanumeric()));
            let resource = resource_name(&name);
            prop_assert_eq!(&name_of_resource(&resource), &name);
            let first = resource.chars().next().unwrap();
            prop_assert!(first.is_ascii_alphabetic() || first == '_');
        }
    }
}
