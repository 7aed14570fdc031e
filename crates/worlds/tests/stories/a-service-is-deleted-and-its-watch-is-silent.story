Seed 1438
1. 1.009 s: A user applies the Service api.	{"service":{"name":"api","annotations":{"service.cloud.tencent.com/direct-access":"true"},"spec":{"ports":[{"name":"http","port":8080,"protocol":"TCP","targetPort":8080}],"selector":{"app":"api"},"type":"LoadBalancer"}}}
2. 127.253 s: Replica 1 hears nothing of kind 31 for 21 s.	{"fault":{"stall":[1,31,21]}}
3. 133.276 s: A user deletes the Service api.	{"deleteService":"api"}
