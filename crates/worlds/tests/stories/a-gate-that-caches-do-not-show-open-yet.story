Seed 7005089
1. 0.500 s: A user applies the TkeServiceConfig checks.	{"config":{"name":"checks","spec":{"loadBalancer":{"l4Listeners":[{"healthCheck":{"healthNum":2},"port":80,"protocol":"TCP"}]}}}}
2. 0.503 s: A user applies the Deployment web with 4 replicas.	{"workload":{"name":"web","app":"web","replicas":4,"revision":1,"surge":1,"unavailable":0,"grace":40,"preStop":30,"gate":true,"broken":false,"otherGate":false}}
3. 0.503 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"LoadBalancer"}}}
4. 0.503 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"listeners":[{"port":80,"protocol":"TCP"},{"port":9000,"protocol":"TCP"}],"loadBalancer":{"id":"lb-one"},"serviceRef":{"name":"web"}}}}
5. 0.795 s: A user applies the Deployment api with 2 replicas.	{"workload":{"name":"api","app":"api","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
6. 0.795 s: A user applies the Service api.	{"service":{"name":"api","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"api"},"type":"LoadBalancer"}}}
7. 34.127 s: Somebody deregisters target 37.	{"console":{"removeTarget":37}}
8. 46.089 s: Calls of the cloud arrive 190 ms later for 60 s.	{"fault":{"delay":[190,60]}}
9. 48.933 s: A user applies the Deployment api with 4 replicas.	{"workload":{"name":"api","app":"api","replicas":4,"revision":1,"surge":2,"unavailable":1,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
10. 48.933 s: A user applies the Service api.	{"service":{"name":"api","annotations":{"service.cloud.tencent.com/direct-access":"true"},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"api"},"type":"LoadBalancer"}}}
11. 374.109 s: A user applies the Service api.	{"service":{"name":"api","annotations":{"service.cloud.tencent.com/direct-access":"true","service.cloud.tencent.com/enable-grace-shutdown":"false","service.kubernetes.io/qcloud-loadbalancer-internet-max-bandwidth-out":"a lot"},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"api"},"type":"LoadBalancer"}}}
12. 418.388 s: The next 1 calls of DescribeTargets meet HttpStatus { status: 502, done: true }.	{"fault":{"calls":{"action":"DescribeTargets","count":1,"effect":{"httpStatus":{"status":502,"done":true}}}}}
13. 418.497 s: The next 2 calls of DescribeTargetHealth meet Delay { milliseconds: 172096 }.	{"fault":{"calls":{"action":"DescribeTargetHealth","count":2,"effect":{"delay":{"milliseconds":172096}}}}}
14. 418.997 s: A user rolls out a new version of web.	{"rollout":"web"}
15. 419.497 s: A user rolls out a new version of api.	{"rollout":"api"}
16. 431.965 s: A user deletes the DirectAccessBinding api.	{"deleteBinding":"api"}
17. 444.919 s: Pod 5 is deleted.	{"deletePod":5}
18. 447.416 s: A user applies the Deployment web with 3 replicas.	{"workload":{"name":"web","app":"web","replicas":3,"revision":1,"surge":2,"unavailable":0,"grace":30,"preStop":20,"gate":true,"weight":"0","broken":false,"otherGate":false}}
19. 450.365 s: The next 1 calls of DescribeLoadBalancers meet EmptyReply.	{"fault":{"calls":{"action":"DescribeLoadBalancers","count":1,"effect":"emptyReply"}}}
