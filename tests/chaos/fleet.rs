//! The processes of a deployment, and where clients find them.

use super::clients::Addresses;
use super::deployment::Deployment;
use super::service::{Service, Tape};

pub struct Fleet<'a> {
    pub deployment: &'a Deployment,
    addresses: Addresses,
    services: Vec<Option<Service>>,
    /// What each of its processes has printed, also those that are gone.
    tapes: Vec<Tape>,
}

impl<'a> Fleet<'a> {
    pub fn start(deployment: &'a Deployment, addresses: Addresses, processes: usize) -> Self {
        let mut fleet = Self {
            deployment,
            addresses,
            services: (0..processes).map(|_| None).collect(),
            tapes: Vec::new(),
        };
        (0..processes).for_each(|number| fleet.launch(number));
        fleet
    }

    /// Starts a process in this place.
    pub fn launch(&mut self, number: usize) {
        let service = self.deployment.start_on_its_clock();
        self.tapes.push(service.tape());
        self.services[number] = Some(service);
        self.announce();
    }

    /// `kill -9`.
    pub fn kill(&mut self, number: usize) {
        if let Some(service) = self.services[number].take() {
            service.kill();
        }
        self.announce();
    }

    /// SIGTERM: it ends what it does, or gives it back.
    pub fn stop_one(&mut self, number: usize) {
        if let Some(service) = self.services[number].take() {
            assert_eq!(service.stop(), Some(0));
        }
        self.announce();
    }

    pub fn signal(&self, number: usize, name: &str) {
        if let Some(service) = &self.services[number] {
            service.signal(name);
        }
    }

    pub fn len(&self) -> usize {
        self.services.len()
    }

    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.iter().flatten()
    }

    fn announce(&self) {
        self.addresses.are(&self.services().map(|service| service.address).collect::<Vec<_>>());
    }

    /// Stops all of them, as an operator does.
    pub fn stop(mut self) {
        (0..self.len()).for_each(|number| self.stop_one(number));
    }
}

impl Drop for Fleet<'_> {
    /// A failed run cannot be had again: what the processes said of their own faults is shown with it.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let lines = self.tapes.iter().flat_map(Tape::log);
            lines.filter(|line| line.contains("\"level\":\"error\"")).for_each(|line| println!("{line}"));
        }
    }
}
