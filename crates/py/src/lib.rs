//! The Python module `tempaccess._tempaccess`: DTOs and exceptions over `tempaccess_core`, no logic.

mod ask;
mod audit;
mod errors;
mod grants;
mod issued;
mod opened;
mod reading;
mod runtime;
mod session;
mod trace;
mod verify;
mod work;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
fn _tempaccess(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    errors::register(module)?;
    module.add_class::<reading::Role>()?;
    module.add_class::<reading::Assertion>()?;
    module.add_class::<verify::Verifier>()?;
    module.add_class::<session::Session>()?;
    module.add_class::<issued::IssuedSession>()?;
    module.add_class::<issued::IssuedRole>()?;
    module.add_class::<issued::FailedRole>()?;
    module.add_class::<grants::Grants>()?;
    module.add_class::<grants::GrantPlan>()?;
    module.add_class::<grants::IssuedGrant>()?;
    module.add_class::<audit::Audit>()?;
    module.add_class::<opened::OpenedGrant>()?;
    module.add_class::<ask::Request>()?;
    module.add_class::<work::Work>()?;
    module.add_function(wrap_pyfunction!(runtime::before_fork, module)?)?;
    module.add_function(wrap_pyfunction!(runtime::after_fork, module)?)?;
    module.add_function(wrap_pyfunction!(audit::write_private, module)?)?;
    module.add_function(wrap_pyfunction!(opened::open_grant, module)?)?;
    module.add_function(wrap_pyfunction!(opened::request_grant, module)?)?;
    module.add_function(wrap_pyfunction!(opened::inspect_grant, module)?)?;
    module.add_function(wrap_pyfunction!(opened::inspect_request, module)?)?;
    module.add_function(wrap_pyfunction!(session::status, module)?)?;
    module.add_function(wrap_pyfunction!(reading::restore_role, module)?)?;
    module.add_function(wrap_pyfunction!(issued::restore_failed_role, module)?)?;
    module.add_function(wrap_pyfunction!(reading::read, module)?)
}
