//! Entities by name and by unique id.

use std::collections::BTreeMap;

use postern_types::PrincipalId;

/// What has a name that is unique ignoring case, and an id that is never used again.
pub(crate) trait Entity {
    fn name(&self) -> &str;
    fn set_name(&mut self, name: &str);
    fn id(&self) -> &PrincipalId;
}

/// Entities of one kind, found by name (ignoring case) and by id, listed in the order of their names.
#[derive(Clone)]
pub(crate) struct Named<T> {
    by_name: BTreeMap<String, T>,
    names: BTreeMap<PrincipalId, String>,
}

/// The form under which a name is unique.
pub(crate) fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}

impl<T: Entity> Named<T> {
    pub(crate) const fn new() -> Self {
        Self { by_name: BTreeMap::new(), names: BTreeMap::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&T> {
        self.by_name.get(&folded(name))
    }

    /// To change anything but name and id; see [`Self::rename`].
    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        self.by_name.get_mut(&folded(name))
    }

    pub(crate) fn by_id(&self, id: &PrincipalId) -> Option<&T> {
        self.by_name.get(self.names.get(id)?)
    }

    pub(crate) fn by_id_mut(&mut self, id: &PrincipalId) -> Option<&mut T> {
        self.by_name.get_mut(self.names.get(id)?)
    }

    /// Adds an entity; hands it back when its name is taken in whatever case.
    pub(crate) fn insert(&mut self, entity: T) -> Result<&mut T, T> {
        let key = folded(entity.name());
        if self.by_name.contains_key(&key) {
            return Err(entity);
        }
        self.names.insert(entity.id().clone(), key.clone());
        Ok(self.by_name.entry(key).or_insert(entity))
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<T> {
        let entity = self.by_name.remove(&folded(name))?;
        self.names.remove(entity.id());
        Some(entity)
    }

    /// Gives an entity another name, or its own in another case. False, and nothing changed, when the old
    /// name is unknown or the new one is another entity's.
    pub(crate) fn rename(&mut self, old: &str, new: &str) -> bool {
        let (from, to) = (folded(old), folded(new));
        if from != to && self.by_name.contains_key(&to) {
            return false;
        }
        let Some(mut entity) = self.by_name.remove(&from) else { return false };
        entity.set_name(new);
        self.names.insert(entity.id().clone(), to.clone());
        self.by_name.insert(to, entity);
        true
    }

    /// All, in the order of their folded names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.by_name.values()
    }
}
