Seed 90000161
1. 0.000 s: The cloud is like this: Departs(TagsHidden).	{"dialect":{"departs":"tags-hidden"}}
2. 118.779 s: A user applies the StatefulSet api with 3 replicas.	{"workload":{"kind":"statefulSet","name":"api","app":"api","replicas":3,"revision":1,"surge":2,"unavailable":1,"grace":30,"preStop":0,"gate":false,"broken":false,"otherGate":false}}
3. 118.779 s: A user applies the Service api.	{"service":{"name":"api","annotations":{"service.cloud.tencent.com/direct-access":"true"},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"api"},"type":"LoadBalancer"}}}
4. 670.650 s: The next 20 calls of BatchDeregisterTargets meet Error { code: "InvalidParameterValue", message: "not now" }.	{"fault":{"calls":{"action":"BatchDeregisterTargets","count":20,"effect":{"error":{"code":"InvalidParameterValue","message":"not now"}}}}}
5. 682.003 s: A user rolls out a new version of api.	{"rollout":"api"}
