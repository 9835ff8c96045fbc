//! EC2, as much of it as shows that a credential works: one instance in each account and region.

use sha2::{Digest as _, Sha256};

use crate::{
    ServiceError,
    http::RawResponse,
    operation::Call,
    protocol::Protocol,
    wire::{Params, Xml},
};

const NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";

/// The regions that are enabled in every account.
const REGIONS: &[&str] = &[
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// Ids that are always the same for an account and region: `prefix-` and seventeen hexadecimal digits.
fn id(prefix: &str, call: &Call<'_>) -> String {
    let text = format!("{prefix}/{}/{}", call.caller.account, call.facts.region);
    let hex = data_encoding::HEXLOWER.encode(&Sha256::digest(text.as_bytes()));
    format!("{prefix}-{}", hex.get(..17).unwrap_or_default())
}

/// Filters are not evaluated, and an answer that ignored them would be false.
fn refuse_filters(params: &Params) -> Result<(), ServiceError> {
    if params.any_with_prefix("Filter.") {
        return Err(ServiceError::not_implemented("The sandbox does not implement filters of EC2."));
    }
    Ok(())
}

fn answer(name: &str, request_id: &str, inside: impl FnOnce(&mut Xml)) -> RawResponse {
    let mut xml = Xml::new();
    xml.root(&format!("{name}Response"), NAMESPACE, |xml| {
        xml.text("requestId", request_id);
        inside(xml);
    });
    Protocol::Ec2.xml(200, xml, request_id)
}

/// `DescribeInstances`: the account's one instance of the region.
pub(super) fn describe_instances(
    params: &Params,
    call: &Call<'_>,
    request_id: &str,
) -> Result<RawResponse, ServiceError> {
    refuse_filters(params)?;
    let instance = id("i", call);
    if let Some(other) = (1..).map_while(|n| params.get(&format!("InstanceId.{n}"))).find(|i| *i != instance)
    {
        return Err(ServiceError::new(
            400,
            "InvalidInstanceID.NotFound",
            format!("The instance ID '{other}' does not exist"),
        ));
    }
    let account = call.account();
    let region = &call.facts.region;
    Ok(answer("DescribeInstances", request_id, |xml| {
        xml.list_of("reservationSet", "item", [()], |xml, ()| {
            xml.text("reservationId", id("r", call));
            xml.text("ownerId", account.id);
            xml.element("groupSet", |_| {});
            xml.list_of("instancesSet", "item", [()], |xml, ()| {
                xml.text("instanceId", &instance);
                xml.text("imageId", id("ami", call));
                xml.element("instanceState", |xml| {
                    xml.text("code", 16);
                    xml.text("name", "running");
                });
                xml.text("privateDnsName", format!("ip-10-0-0-10.{region}.compute.internal"));
                xml.text("instanceType", "t3.micro");
                xml.time("launchTime", account.created);
                xml.element("placement", |xml| {
                    xml.text("availabilityZone", format!("{region}a"));
                    xml.text("tenancy", "default");
                });
                xml.element("monitoring", |xml| xml.text("state", "disabled"));
                xml.text("subnetId", id("subnet", call));
                xml.text("vpcId", id("vpc", call));
                xml.text("privateIpAddress", "10.0.0.10");
                xml.text("architecture", "x86_64");
                xml.text("rootDeviceType", "ebs");
                xml.text("virtualizationType", "hvm");
                xml.list_of("tagSet", "item", [()], |xml, ()| {
                    xml.text("key", "Name");
                    xml.text("value", account.name.as_deref().unwrap_or("sandbox"));
                });
                xml.text("hypervisor", "xen");
                xml.text("ebsOptimized", false);
            });
        });
    }))
}

/// `DescribeRegions`: those that are enabled by default.
pub(super) fn describe_regions(
    params: &Params,
    _call: &Call<'_>,
    request_id: &str,
) -> Result<RawResponse, ServiceError> {
    refuse_filters(params)?;
    let asked: Vec<&str> = (1..).map_while(|n| params.get(&format!("RegionName.{n}"))).collect();
    if let Some(unknown) = asked.iter().find(|name| !REGIONS.contains(name)) {
        return Err(ServiceError::invalid_parameter_value(format!("Invalid region provided: {unknown}")));
    }
    let shown = REGIONS.iter().filter(|name| asked.is_empty() || asked.contains(name));
    Ok(answer("DescribeRegions", request_id, |xml| {
        xml.list_of("regionInfo", "item", shown, |xml, name| {
            xml.text("regionName", name);
            xml.text("regionEndpoint", format!("ec2.{name}.amazonaws.com"));
            xml.text("optInStatus", "opt-in-not-required");
        });
    }))
}
