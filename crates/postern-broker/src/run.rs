//! One run along a way: the next step is done, and what is left is planned again.

use postern_types::{RoleCredentials, TemporaryCredentials};

use crate::{
    AssumeRole, Assumer, Broker, BrokerError, CachedRole, Flight, Has, Issued, LoginMode, Obtained, Origin,
    Plan, SESSION_USED_AT_LEAST, Start, Step, StsError, View, Way, plan,
};

/// The answer, where nothing is left to do.
pub(crate) fn issued(plan: &Plan) -> Option<Issued> {
    match &plan.has {
        Has::Nothing => None,
        Has::Session(session) => Some(Issued::Session(session.clone())),
        Has::Foreign(foreign) => Some(Issued::Foreign(foreign.clone())),
        Has::Role { credentials, .. } => Some(Issued::Role(credentials.clone())),
    }
}

/// The state of a run.
pub(crate) struct Run<'r, 'b> {
    broker: &'r Broker<'b>,
    way: &'r Way,
    /// What this run has got itself; it goes before the cache, which may have lost it again.
    got: View,
    origin: Origin,
}

impl<'r, 'b> Run<'r, 'b> {
    pub(crate) fn new(broker: &'r Broker<'b>, way: &'r Way) -> Self {
        let got = View { roles: vec![None; way.hops.len()], ..View::default() };
        Self { broker, way, got, origin: Origin::Cache }
    }

    pub(crate) fn look(&self) -> Result<Plan, BrokerError> {
        let cache = self.broker.cache;
        let mut view = self.got.clone();
        // The last first: it is nearly always all that is needed.
        for (hop, role) in view.roles.iter_mut().enumerate().rev() {
            if role.is_none()
                && let Some(key) = self.way.role_key(hop)
            {
                *role = cache.role(&key)?;
            }
        }
        if let (None, Some(route)) = (&view.session, self.way.route()) {
            view.session = cache.session(&route.session_key())?;
        }
        Ok(plan(self.way, (self.broker.clock)(), &view)?)
    }

    /// Goes on until the answer is there.
    pub(crate) fn finish(mut self) -> Result<Obtained, BrokerError> {
        // Each step is done once; a session or a role that AWS no longer takes costs another round.
        for _ in 0..2 * self.way.hops.len() + 3 {
            let plan = self.look()?;
            let done = match plan.steps.first() {
                None => issued(&plan),
                Some(Step::GetSessionToken) => self.log_in()?,
                Some(Step::TakeForeign) => self.take_foreign()?,
                Some(Step::AssumeRoleWithCode) => self.assume_with_code()?,
                Some(Step::AssumeRole { hop }) => self.assume(*hop, &plan)?,
            };
            if let Some(issued) = done {
                return Ok(Obtained { issued, origin: self.origin });
            }
        }
        Err(BrokerError::ExpiredOnArrival)
    }

    fn log_in(&mut self) -> Result<Option<Issued>, BrokerError> {
        let Some(route) = self.way.route() else { return Ok(None) };
        let session = self.broker.login(route, LoginMode::IfNeeded)?;
        self.arrived(&session.credentials)?;
        self.origin = Origin::LoggedIn;
        let target = self.way.hops.is_empty();
        self.got.session = Some(session.clone());
        Ok(target.then_some(Issued::Session(session)))
    }

    fn take_foreign(&mut self) -> Result<Option<Issued>, BrokerError> {
        let Start::Foreign { source, .. } = &self.way.start else { return Ok(None) };
        let foreign = self.broker.foreign.take(source)?;
        self.origin = Origin::Renewed;
        let target = self.way.hops.is_empty();
        self.got.foreign = Some(foreign.clone());
        Ok(target.then_some(Issued::Foreign(foreign)))
    }

    fn assume_with_code(&mut self) -> Result<Option<Issued>, BrokerError> {
        let (Start::Code(route), Some(request)) = (&self.way.start, self.way.hops.first()) else {
            return Ok(None);
        };
        let broker = self.broker;
        let role = broker.with_code(route, |key, code| {
            broker.sts.assume_role_with_code(key, &route.key.serial, code, request)
        })?;
        self.origin = Origin::LoggedIn;
        self.keep(0, role)
    }

    fn assume(&mut self, hop: usize, plan: &Plan) -> Result<Option<Issued>, BrokerError> {
        let (Some(request), Some(key)) = (self.way.hops.get(hop), self.way.role_key(hop)) else {
            return Ok(None);
        };
        // The last one's flight is held already.
        let last = hop + 1 == self.way.hops.len();
        let _flight = if last { None } else { Some(self.broker.cache.enter(Flight::Role(&key))?) };
        if !last
            && let Some(role) = self.broker.cache.role(&key)?
            && role.credentials.is_fresh((self.broker.clock)(), SESSION_USED_AT_LEAST)
        {
            // Whoever was in this flight before brought it.
            self.put(hop, role);
            return Ok(None);
        }
        match (self.call(request, &plan.has), &plan.fallback) {
            (Ok(role), _) => {
                if self.origin == Origin::Cache {
                    self.origin = Origin::Renewed;
                }
                self.keep(hop, role)
            }
            (Err(BrokerError::Sts(StsError::Unreachable { .. })), Some(role)) => {
                self.origin = Origin::CacheForWantOfSts;
                Ok(Some(Issued::Role(role.clone())))
            }
            // What it was called with was ended at AWS, or the clock here is slow: anew, once.
            (Err(BrokerError::Sts(StsError::Expired { .. } | StsError::UnknownKey { .. })), _)
                if self.forget(&plan.has)? =>
            {
                Ok(None)
            }
            (Err(error), _) => Err(error),
        }
    }

    fn call(&self, request: &AssumeRole, has: &Has) -> Result<RoleCredentials, BrokerError> {
        let sts = self.broker.sts;
        let assumed = match (has, &self.way.start) {
            (Has::Session(session), _) => sts.assume_role(Assumer::Session(session), request),
            (Has::Role { credentials, .. }, _) => sts.assume_role(Assumer::Role(credentials), request),
            (Has::Foreign(foreign), _) => sts.assume_role(Assumer::Foreign(foreign), request),
            (Has::Nothing, Start::Key { key, .. }) => {
                sts.assume_role(Assumer::KeyWithoutMfa(&self.broker.key(key)?), request)
            }
            (Has::Nothing, _) => return Err(BrokerError::ExpiredOnArrival),
        };
        Ok(assumed?)
    }

    /// Forgets what came from the cache and is no good any more. False where this run got it itself: then
    /// something else is wrong.
    fn forget(&mut self, has: &Has) -> Result<bool, BrokerError> {
        match has {
            Has::Session(_) if self.got.session.is_none() => {
                if let Some(route) = self.way.route() {
                    self.broker.cache.forget_session(&route.session_key())?;
                }
                Ok(true)
            }
            Has::Role { hop, .. } if self.got.roles.get(*hop).is_some_and(Option::is_none) => {
                if let Some(key) = self.way.role_key(*hop) {
                    self.broker.cache.forget_role(&key)?;
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Keeps a role that AWS has just issued; the last one is the answer.
    fn keep(&mut self, hop: usize, role: RoleCredentials) -> Result<Option<Issued>, BrokerError> {
        self.arrived(&role.credentials)?;
        if let Some(key) = self.way.role_key(hop) {
            self.broker.cache.put_role(&CachedRole { key, credentials: role.clone() })?;
        }
        let last = hop + 1 == self.way.hops.len();
        self.put(hop, role.clone());
        Ok(last.then_some(Issued::Role(role)))
    }

    /// What is over before it can be used would be asked for again and again.
    fn arrived(&self, credentials: &TemporaryCredentials) -> Result<(), BrokerError> {
        let fresh = credentials.is_fresh((self.broker.clock)(), SESSION_USED_AT_LEAST);
        if fresh { Ok(()) } else { Err(BrokerError::ExpiredOnArrival) }
    }

    fn put(&mut self, hop: usize, role: RoleCredentials) {
        if let Some(place) = self.got.roles.get_mut(hop) {
            *place = Some(role);
        }
    }
}
