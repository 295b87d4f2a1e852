//! Values of the attribute `Role`, ARNs, and the durations and policies of a scope.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tempaccess_core::{
    RoleOffer, RoleQuery, SessionDuration, SessionPolicy,
    arn::{PolicyArn, ProviderArn, RoleArn},
    role::AccountNames,
};

fuzz_target!(|text: &str| {
    if let Ok(offer) = RoleOffer::from_attribute_value(text) {
        let value = format!("{},{}", offer.role(), offer.provider());
        assert_eq!(RoleOffer::from_attribute_value(&value).as_ref(), Ok(&offer));
        assert_eq!(offer.role().account_id().len(), 12);
        let chosen = RoleQuery::new().role(offer.role().as_str());
        assert!(chosen.choose(std::slice::from_ref(&offer), &AccountNames::new()).is_ok());
        let _ = RoleQuery::new().role(text).matches(std::slice::from_ref(&offer), &AccountNames::new());
    }
    if let Ok(arn) = text.parse::<RoleArn>() {
        assert_eq!(arn.as_str(), text);
        let _ = (arn.partition(), arn.name(), arn.path_and_name(), arn.is_reserved());
    }
    let _ = (text.parse::<ProviderArn>(), text.parse::<PolicyArn>(), text.parse::<SessionDuration>());
    if let Ok(policy) = text.parse::<SessionPolicy>() {
        assert_eq!(policy.as_str().parse::<SessionPolicy>().ok().as_ref(), Some(&policy));
    }
});
