Seed 600686
1. 0.500 s: A user applies the TkeServiceConfig checks.	{"config":{"name":"checks","spec":{"loadBalancer":{"l4Listeners":[{"healthCheck":{"healthNum":2},"port":80,"protocol":"TCP"}]}}}}
2. 0.000 s: The cloud is like this: Departs(BatchTasks).	{"dialect":{"departs":"batch-tasks"}}
3. 0.733 s: A user applies the StatefulSet web with 3 replicas.	{"workload":{"kind":"statefulSet","name":"web","app":"web","replicas":3,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
4. 0.733 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"LoadBalancer"}}}
5. 0.733 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"loadBalancer":{"id":"lb-none"},"serviceRef":{"name":"web"}}}}
6. 1.049 s: A user applies the StatefulSet api with 3 replicas.	{"workload":{"kind":"statefulSet","name":"api","app":"api","replicas":3,"revision":1,"surge":2,"unavailable":0,"grace":40,"preStop":30,"gate":false,"broken":false,"otherGate":false}}
7. 1.049 s: A user applies the Service api.	{"service":{"name":"api","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"api"},"type":"LoadBalancer"}}}
8. 1.049 s: A user applies the DirectAccessBinding api.	{"binding":{"name":"api","spec":{"loadBalancer":{"id":"lb-one"},"serviceConfigRef":{"name":"checks"},"serviceRef":{"name":"api"}}}}
9. 54.400 s: Calls of the cloud take 12 s longer for 30 s.	{"fault":{"slow":[12,30]}}
10. 69.157 s: Somebody deletes the Lease.	{"fault":"deleteLease"}
11. 69.415 s: The next 2 calls of DescribeListeners meet Error { code: "InvalidParameter.LBIdNotFound", message: "no such id" }.	{"fault":{"calls":{"action":"DescribeListeners","count":2,"effect":{"error":{"code":"InvalidParameter.LBIdNotFound","message":"no such id"}}}}}
