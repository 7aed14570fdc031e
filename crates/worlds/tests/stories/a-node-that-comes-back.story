Seed 10341
1. 1.153 s: A user applies the StatefulSet api with 1 replicas.	{"workload":{"kind":"statefulSet","name":"api","app":"api","replicas":1,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false}}
2. 1.153 s: A user applies the Service api.	{"service":{"name":"api","annotations":{"service.cloud.tencent.com/direct-access":"true","service.kubernetes.io/tke-existed-lbid":"lb-two"},"spec":{"ports":[{"name":"http","port":443,"protocol":"TCP","targetPort":8080}],"selector":{"app":"api"},"type":"LoadBalancer"}}}
3. 71.997 s: Nothing is heard of node 11 for 400 s, while its Pods serve on.	{"fault":{"node":{"node":11,"seconds":400,"serves":true}}}
