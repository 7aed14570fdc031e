# In one edit, a user drops the config of a Service and names another port. The listener of that port is made before the binding has
# heard of it, with the config, or after it, without: what a config does not say any more is left as it is, and is not compared.
Seed 40208
1. 0.500 s: A user applies the TkeServiceConfig checks.	{"config":{"name":"checks","spec":{"loadBalancer":{"l4Listeners":[{"port":80,"protocol":"TCP","session":{"sessionExpireTime":60}}]}}}}
2. 0.702 s: A user applies the Service web.	{"service":{"name":"web","annotations":{"service.cloud.tencent.com/direct-access":"true","service.cloud.tencent.com/tke-service-config":"checks","service.kubernetes.io/tke-existed-lbid":"lb-two"},"spec":{"ports":[{"name":"http","port":8080,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"LoadBalancer"}}}
3. 161.166 s: A user applies the Service web.	{"service":{"name":"web","annotations":{"service.cloud.tencent.com/direct-access":"true"},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"LoadBalancer"}}}
4. 161.267 s: Replica 0 crashes, and starts after 6 s.	{"fault":{"crash":[0,6]}}
5. 161.267 s: The next 1 calls of DescribeLoadBalancers meet Error { code: "InternalError", message: "not now" }.	{"fault":{"calls":{"action":"DescribeLoadBalancers","count":1,"effect":{"error":{"code":"InternalError","message":"not now"}}}}}
