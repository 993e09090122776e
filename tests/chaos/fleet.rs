//! The processes of a deployment, which the chaos test kills, stops and starts while clients follow their addresses.

use crate::support::clients::Addresses;
use crate::support::deployment::Deployment;
use crate::support::service::{Output, Service};

/// The processes. Each has a number, under which a new one replaces it.
pub struct Fleet<'a> {
    pub deployment: &'a Deployment,
    addresses: Addresses,
    services: Vec<Option<Service>>,
    /// The output of all processes, including those that have ended.
    outputs: Vec<Output>,
}

impl<'a> Fleet<'a> {
    pub fn start(deployment: &'a Deployment, addresses: Addresses, processes: usize) -> Self {
        let mut fleet = Self {
            deployment,
            addresses,
            services: (0..processes).map(|_| None).collect(),
            outputs: Vec::new(),
        };
        (0..processes).for_each(|number| fleet.start_process(number));
        fleet
    }

    /// Starts a process under this number.
    pub fn start_process(&mut self, number: usize) {
        let service = self.deployment.start_on_wall_clock();
        self.outputs.push(service.output());
        self.services[number] = Some(service);
        self.announce();
    }

    /// Kills a process, as `kill -9` does.
    pub fn kill(&mut self, number: usize) {
        if let Some(service) = self.services[number].take() {
            service.kill();
        }
        self.announce();
    }

    /// Sends SIGTERM: the process finishes its work or gives it back.
    pub fn stop_process(&mut self, number: usize) {
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
        self.addresses.set(&self.services().map(|service| service.address).collect::<Vec<_>>());
    }

    /// Stops all processes, as an operator does.
    pub fn stop(mut self) {
        (0..self.len()).for_each(|number| self.stop_process(number));
    }
}

impl Drop for Fleet<'_> {
    /// Prints the errors that the processes logged, since a failed run may not be repeatable.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let lines = self.outputs.iter().flat_map(Output::log);
            lines.filter(|line| line.contains("\"level\":\"error\"")).for_each(|line| println!("{line}"));
        }
    }
}
