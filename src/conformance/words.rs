//! Words of the cloud's refusals. A word that is not here may be somebody's name. Pure.

/// Whether a word is one of the cloud's, in any case.
pub(super) fn is_known(word: &str) -> bool {
    let word = word.to_lowercase();
    KNOWN.split_ascii_whitespace().any(|known| known == word)
}

/// In lower case: English words of refusals, members and values of the API, and words of the script's own names.
const KNOWN: &str = "
a abnormal about above access account accounts action actions active address addresses after again against all allowed already also
always an and another any api are argument as associated at attribute attributes authorized available backend backends balance balancer
balancers batch be because been before begin begins being belongs below between bind binding bound but by call called calls can cannot
cannt change changed changes character characters charge check checks classic clb client code column com combination common condition
conflict conflicts connection contact contain contains correct count create created creating creation currently data default delete
deleted deleting denied deny des describe desstate different disabled do does doesn domain domains done duplicate duplicated duration
each either empty enabled end enough error errors exceed exceeded exceeds except exist existed existing exists expected expire expired
fail failed failure feature field fields filter first for format found frequency from full get goes gone group groups had has have
health healthcheck here http https id identical ids if illegal in incorrect inner input instance insufficient int integer interface
internal into invalid ip ips ipv4 ipv6 is isolated it item items its json key kind large last later least length less letters like limit
limited limits line list listener listeners lb lbl loc load loadbalancer loadbalancers location locations lock locked long longer match
max maximum may maybe member members message min minimum minute minutes missing modified modify more most must name named names need
needed needs network new no node none normal not nothing number numbers object of off ok on once one ones only open operate operating
operation operations or order other out over own parameter parameters param params parse parsed path permission permissions please policy
port ports possible private process processed protocol public query quota range read reason refused region register registered
rejected repeat repeated request requested requests require required requires resource resources retry return rule rules run running
same scheme second seconds secret security server service session set should shown sign signature since size small some specified start
started state status still stop stopped string subnet such suport support supported supports system tag tags target targets task tasks
temporarily than that the their them then there these they this those time timeout to token too try twice two type types unable
unauthorized under unique unknown unsupported until up update use used user uses using uuid valid validate value values version vip vpc
was way weight were what when where which while whole will with within without working wrong you your yet zero zone

adjust alb anycast attrflags authfailure availabilityzone batchderegistertargets batchmodifytargettag batchmodifytargetweight
batchregistertargets certca certid certificate certificates checkport checktype clienttoken createlistener createloadbalancer
createrule dealname dealnames defaultserver deletelistener deleteloadbalancer deleteloadbalancerlisteners deleterule deletetarget
deregistertargets describelisteners describeloadbalancers describequota describetargethealth describetargets describetaskstatus
domainid dynamicvip endport eniip failedoperation faillisteneridset filters forward forwardtype getcalleridentity healthcheck
healthnum healthswitch httpcheckdomain httpcheckmethod httpcheckpath httpcode httpversion instanceid internetaccessible
internalerror intervaltime invalidfilter invalidparameter invalidparametervalue l4 l7 lbidnotfound lbtype limitexceeded listenerid
listeneridnotfound listenerids listenernames listenername loadbalancerid loadbalancerids loadbalancername loadbalancerpasstotarget
loadbalancertype locationid locationidnotfound locationids missingparameter modifydomainattributes modifylistener modifylist
modifyloadbalancerattributes modifyrule multicertinfo newdefaultserverdomain newdomain nosuchparameter offset
operationdenied portcheckfailed projectid registertargets requestid requestlimitexceeded resourceinoperating resourceinsufficient
resourcenotfound ruleid scheduler securitygroups sessionexpiretime setloadbalancersecuritygroups snatenable sslmode subnetid tagkey
tagvalue targetgroup targettype taskid unauthorizedoperation unhealthnum unknownparameter unsupportedoperation url vpcid

accept alive body cam cidr close custom dead get grpc head icmp ip_hash least_conn mutual nat ping post prepaid postpaid qcs quic quick
recommended sni snat source tcp tcp_ssl tls uin udp unidirectional wrr

association auth bandwidth blacklist cloning eip fullchain global in h2cswitch hour inactive monthly multiple nat64 nosnat open package postpaid_by_hour proxyprotocol quic_active
quic_inactive quic_unknown rescheduleexpandtarget rescheduletargetzeroweight rescheduleunhealthy rewrite risk num sold soldout offline lack whitelist snapshot total traffic healthy unhealthy

another changed conformance dots eni example many nobodys refused renamed space twice web
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_cloud_are_known_and_names_are_not() {
        for word in ["LoadBalancerId", "not", "desState", "Loadbalancer"] {
            assert!(is_known(word), "{word}");
        }
        for name in ["payments", "alice", "prod", ""] {
            assert!(!is_known(name), "{name}");
        }
    }
}
