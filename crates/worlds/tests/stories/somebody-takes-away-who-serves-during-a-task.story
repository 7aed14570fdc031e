Seed 10286
1. 1.219 s: A user applies the Deployment old with 1 replicas.	{"workload":{"name":"old","app":"old","replicas":1,"revision":1,"surge":1,"unavailable":1,"grace":30,"preStop":20,"gate":true,"broken":false}}
2. 1.219 s: A user applies the Service old.	{"service":{"name":"old","annotations":{"service.cloud.tencent.com/direct-access":"true"},"spec":{"ports":[{"name":"http","port":443,"protocol":"TCP","targetPort":8080}],"selector":{"app":"old"},"type":"LoadBalancer"}}}
3. 305.943 s: A user rolls out a new version of the Deployment old.	{"rollout":"old"}
4. 320.439 s: Somebody deregisters target 7.	{"console":{"removeTarget":7}}
